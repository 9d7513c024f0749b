using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that halts where the host keeps its local interrupt controller: it sleeps in the host, and something wakes it.</summary>
[X64Only("The local APIC is x86's; Arm64WaitTests has WFI with the host's GIC.")]
public sealed class HaltTests
{
    private const byte Vector = 0x40;

    [Theory]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void Halt_HostKeepsTheApic_SleepsUntilInterrupt(InterruptControllerMode mode)
    {
        using TestMachine machine = CreateMachine(mode);
        using var aboutToHalt = new ManualResetEventSlim();
        Task<(VcpuExitKind Kind, ulong Value, long Halts)> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            Start(vcpu);
            Assert.Equal(VcpuExitKind.PortRead, vcpu.RunOnceBounded().Kind);
            aboutToHalt.Set();
            VcpuExit exit = vcpu.RunOnceBounded();
            return (exit.Kind, exit.Value, vcpu.Statistics.ExitsOf(VcpuExitKind.Halt));
        });
        Assert.True(aboutToHalt.Wait(Limit.Value), "The guest is about to halt.");

        machine.Partition.Interrupts.Send(MsiMessage.ForX64(Vector));

        Assert.Equal((VcpuExitKind.PortWrite, Vector, 0), Limit.Await(run, "the guest to wake"));
    }

    [Theory]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void Cancel_OfHaltedVcpu_WakesIt(InterruptControllerMode mode)
    {
        using TestMachine machine = CreateMachine(mode);
        (Vcpu vcpu, Task<VcpuExitKind> run) = StartHalting(machine, static vcpu =>
        {
            VcpuExitKind kind = vcpu.RunOnce().Kind;

            // The halt goes on after it.
            vcpu.Cancel();
            Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
            return kind;
        });

        vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the cancelled halt"));
    }

    [Fact]
    public void Token_OfHaltedVcpu_WakesIt()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.PerVcpu);
        using var source = new CancellationTokenSource();
        CancellationToken token = source.Token;
        (Vcpu _, Task<OperationCanceledException> run) = StartHalting(
            machine, vcpu => Assert.Throws<OperationCanceledException>(() => { _ = vcpu.Run(token).Kind; }));

        source.Cancel();

        Assert.Equal(token, Limit.Await(run, "the cancelled halt").CancellationToken);
    }

    [Fact]
    public void Cancel_OfHaltedVcpu_LaterInterruptStillWakesIt()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.PerVcpu);
        (Vcpu vcpu, Task<ulong> run) = StartHalting(machine, vcpu =>
        {
            Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
            machine.Partition.Interrupts.Send(MsiMessage.ForX64(Vector));
            VcpuExit exit = vcpu.RunOnceBounded();
            Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
            return exit.Value;
        });

        vcpu.Cancel();

        Assert.Equal(Vector, Limit.Await(run, "the interrupt after the cancelled halt"));
    }

    private static readonly GuestProgram s_program = GuestProgram.RealMode(static (a, marks) =>
    {
        // Tells that it is ready, and halts for ever; the handler writes its vector.
        a.EnableLocalApic();
        a.sti();
        a.@in(al, 0x80);
        Label halt = a.CreateLabel();
        a.Label(ref halt);
        a.hlt();
        a.jmp(halt);

        marks.Handler(Vector);
        a.WritePort(0x80, Vector);
        a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
        a.iret();
    });

    private static TestMachine CreateMachine(InterruptControllerMode mode)
    {
        var machine = new TestMachine(configure: options => options.InterruptController = mode);
        s_program.LoadInto(machine.Memory);
        return machine;
    }

    private static void Start(Vcpu vcpu)
    {
        s_program.Start(vcpu);
        ApicCode.OpenWindows(vcpu);
    }

    private static (Vcpu Vcpu, Task<TResult> Run) StartHalting<TResult>(TestMachine machine, Func<Vcpu, TResult> run)
    {
        var ready = new TaskCompletionSource<Vcpu>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<TResult> task = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            Start(vcpu);
            Assert.Equal(VcpuExitKind.PortRead, vcpu.RunOnceBounded().Kind);
            ready.SetResult(vcpu);
            return run(vcpu);
        });
        return (Limit.Await(ready.Task, "the guest to be about to halt"), task);
    }
}
