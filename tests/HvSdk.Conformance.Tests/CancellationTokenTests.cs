using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Runs that a <see cref="CancellationToken"/> ends: it belongs to its run alone, and <see cref="Vcpu.Cancel"/> comes before it.</summary>
public sealed class CancellationTokenTests
{
    [Theory]
    [InlineData(SpinAt.Kernel)]
    [InlineData(SpinAt.User)]
    public void Token_CancelledDuringRun_EndsItAndNotTheNext(SpinAt place)
    {
        using var machine = new TestMachine();
        using var source = new CancellationTokenSource();
        CancellationToken token = source.Token;
        using var firstHasEnded = new ManualResetEventSlim();
        (Vcpu vcpu, Task<VcpuExitKind> run) = SpinningGuest.Start(machine, place, vcpu =>
        {
            var exception = Assert.Throws<OperationCanceledException>(() => { _ = vcpu.Run(token).Kind; });
            Assert.Equal(token, exception.CancellationToken);

            // The next run ends by Cancel alone.
            firstHasEnded.Set();
            return vcpu.Run().Kind;
        });

        source.Cancel();
        Assert.True(firstHasEnded.Wait(Limit.Value), "The token ends the first run.");
        vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the second run"));
    }

    [Fact]
    public void Token_CancelledBefore_TheGuestIsNotEntered()
    {
        using TestMachine machine = CreateReader();
        ulong start = machine.ProgramCounter();

        Assert.Throws<OperationCanceledException>(() => { _ = machine.Vcpu.Run(new CancellationToken(true)).Kind; });

        Assert.Equal(start, machine.ProgramCounter());
        Assert.Equal(0, machine.Vcpu.Statistics.Exits);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Token_CancelledBefore_LeavesCancelForTheNextRun()
    {
        using TestMachine machine = CreateReader();
        machine.Vcpu.Cancel();

        Assert.Throws<OperationCanceledException>(() => { _ = machine.Vcpu.Run(new CancellationToken(true)).Kind; });

        Assert.Equal(VcpuExitKind.Canceled, machine.Run().Kind);
        machine.RunOnce(Guest.ReadExit);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TokenAndCancel_InOneRun_CancelComesFirst(bool cancelIsCalledFirst)
    {
        using TestMachine machine = CreateReader();
        using var source = new CancellationTokenSource();
        var handler = new Canceler { Vcpu = machine.Vcpu, Source = source, CallsCancel = true, CancelIsFirst = cancelIsCalledFirst, Answer = ExitDisposition.Handled };

        Assert.Equal(VcpuExitKind.Canceled, machine.Vcpu.Run(ref handler, source.Token).Kind);

        // Nothing of either is left.
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Token_CancelledWithinHandlerThatStops_DoesNotReachTheNextRun()
    {
        using TestMachine machine = CreateReader();
        using var source = new CancellationTokenSource();
        var handler = new Canceler { Vcpu = machine.Vcpu, Source = source, Answer = ExitDisposition.Stop };

        Assert.Equal(Guest.ReadExit, machine.Vcpu.Run(ref handler, source.Token).Kind);

        machine.RunOnce(Guest.ReadExit);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void TokenAndCancel_HandlerStops_CancelEndsTheNextRun()
    {
        using TestMachine machine = CreateReader();
        using var source = new CancellationTokenSource();
        var handler = new Canceler { Vcpu = machine.Vcpu, Source = source, CallsCancel = true, Answer = ExitDisposition.Stop };

        Assert.Equal(Guest.ReadExit, machine.Vcpu.Run(ref handler, source.Token).Kind);

        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Token_CancelledAfterItsRun_DoesNotReachTheNext()
    {
        using TestMachine machine = CreateReader();
        using var source = new CancellationTokenSource();
        var handler = new Canceler { Vcpu = machine.Vcpu, Answer = ExitDisposition.Stop };
        Assert.Equal(Guest.ReadExit, machine.Vcpu.Run(ref handler, source.Token).Kind);

        source.Cancel();

        machine.RunOnce(Guest.ReadExit);
        Assert.Equal(0, machine.Vcpu.Statistics.Kicks);
    }

    /// <summary>Asks the host for ever.</summary>
    private static TestMachine CreateReader() => new(Guest.Asker());

    private struct Canceler : IVcpuHandler
    {
        public required Vcpu Vcpu;
        public CancellationTokenSource? Source;
        public bool CallsCancel;
        public bool CancelIsFirst;
        public ExitDisposition Answer;

        public ExitDisposition Handle(in VcpuExit exit)
        {
            if (CallsCancel && CancelIsFirst)
            {
                Vcpu.Cancel();
            }

            Source?.Cancel();
            if (CallsCancel && !CancelIsFirst)
            {
                Vcpu.Cancel();
            }

            return Answer;
        }
    }
}
