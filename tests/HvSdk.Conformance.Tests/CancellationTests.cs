using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary><see cref="Vcpu.Cancel"/>: sticky, never lost, consumed once.</summary>
public sealed class CancellationTests
{
    [Theory]
    [InlineData(SpinAt.Kernel)]
    [InlineData(SpinAt.User)]
    public void Cancel_DuringRun_EndsIt(SpinAt place)
    {
        using var machine = new TestMachine();
        (Vcpu vcpu, Task<VcpuExitKind> run) = SpinningGuest.Start(machine, place, static vcpu => vcpu.Run().Kind);

        vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the cancelled run"));
    }

    [Fact]
    public void Cancel_BeforeFirstRun_EndsItAtTheFirstInstruction()
    {
        using TestMachine machine = CreateReader();
        ulong start = machine.ProgramCounter();

        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        Assert.Equal(start, machine.ProgramCounter());
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Cancel_SeveralTimes_IsOne()
    {
        using TestMachine machine = CreateReader();

        machine.Vcpu.Cancel();
        machine.Vcpu.Cancel();
        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        machine.RunOnce(Guest.ReadExit);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Cancel_BetweenRuns_CompletesThePendingAccess()
    {
        using TestMachine machine = CreateReader();
        VcpuExit exit = machine.RunOnce(Guest.ReadExit);
        exit.SetValue(0x5A);

        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        Assert.Equal(0x5AUL, machine.Read(GuestRegister.Value));
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Cancel_AfterRunWithHandler_EndsTheNextOnce()
    {
        using TestMachine machine = CreateReader();
        var handler = new Script { Last = ExitDisposition.Stop };
        Assert.Equal(Guest.ReadExit, machine.Run(ref handler).Kind);

        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.Run().Kind);
        Assert.Equal(Guest.ReadExit, machine.Run(ref handler).Kind);
    }

    [Fact]
    public void Cancel_WithinHandlerThatStops_EndsTheNextRun()
    {
        using TestMachine machine = CreateReader();
        var handler = new Script { Act = static vcpu => vcpu.Cancel(), Vcpu = machine.Vcpu, Last = ExitDisposition.Stop };

        Assert.Equal(Guest.ReadExit, machine.Run(ref handler).Kind);

        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Cancel_WithinHandlerThatGoesOn_EndsThisRun()
    {
        using TestMachine machine = CreateReader();
        var handler = new Script { Act = static vcpu => vcpu.Cancel(), Vcpu = machine.Vcpu, Last = ExitDisposition.Handled };

        Assert.Equal(VcpuExitKind.Canceled, machine.Run(ref handler).Kind);

        Assert.Equal(1, handler.Calls);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Cancel_Counted_AsKickAndExit()
    {
        using TestMachine machine = CreateReader();

        machine.Vcpu.Cancel();
        machine.RunOnce();

        Assert.Equal(1, machine.Vcpu.Statistics.Kicks);
        Assert.Equal(1, machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Canceled));
    }

    [Fact]
    public void Cancel_AfterDispose_DoesNothing()
    {
        using TestMachine machine = CreateReader();
        Vcpu vcpu = machine.Vcpu;
        vcpu.Dispose();

        vcpu.Cancel();
        machine.Dispose();
        vcpu.Cancel();
    }

    /// <summary>Asks the host for ever.</summary>
    private static TestMachine CreateReader() => new(Guest.Asker());

    private struct Script : IVcpuHandler
    {
        public Action<Vcpu>? Act;
        public Vcpu? Vcpu;
        public ExitDisposition Last;
        public int Calls;

        public ExitDisposition Handle(in VcpuExit exit)
        {
            Calls++;
            Act?.Invoke(Vcpu!);
            return Last;
        }
    }
}
