using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Disposal while a vCPU runs: from another thread, and from within a handler.</summary>
[Collection(nameof(OpenDescriptors))]
public sealed class DisposalWhileRunningTests
{
    public enum Target
    {
        Vcpu,
        Partition,
    }

    [Theory]
    [InlineData(Target.Vcpu, SpinAt.Kernel)]
    [InlineData(Target.Vcpu, SpinAt.User)]
    [InlineData(Target.Partition, SpinAt.Kernel)]
    [InlineData(Target.Partition, SpinAt.User)]
    public void Dispose_FromAnotherThread_EndsTheRunAndWaitsForIt(Target target, SpinAt place)
    {
        TestProgram program = SpinningGuest.Create(place);
        using var machine = new TestMachine(program);
        var running = new Signal();
        using BusWindow window = machine.Partition.DeviceBus().Map(Guest.DonePlace, 1, running);
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, (vcpu, token) =>
        {
            program.Start(vcpu);
            VcpuExitKind kind = vcpu.Run(token).Kind;
            Assert.Throws<ObjectDisposedException>(() => { _ = vcpu.RunOnce().Kind; });
            return kind;
        });
        Limit.Await(running.Task, "the guest to run");

        IDisposable disposed = target == Target.Vcpu ? machine.Partition.Vcpus[0] : machine.Partition;
        Limit.Await(Task.Run(disposed.Dispose), "the disposal");

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the run to end"));
        Assert.Empty(machine.Partition.Vcpus);
    }

    [Theory]
    [InlineData(Target.Vcpu, ExitDisposition.Handled)]
    [InlineData(Target.Vcpu, ExitDisposition.Stop)]
    [InlineData(Target.Partition, ExitDisposition.Handled)]
    [InlineData(Target.Partition, ExitDisposition.Stop)]
    public void Dispose_WithinHandler_EndsTheRunAfterIt(Target target, ExitDisposition answer)
    {
        OpenDescriptors.AssertNoneLeft(() =>
        {
            using TestMachine machine = CreateReader();
            Vcpu vcpu = machine.Vcpu;
            var handler = new Disposer { Disposable = target == Target.Vcpu ? vcpu : machine.Partition, Answer = answer };

            VcpuExitKind kind = vcpu.Run(ref handler).Kind;

            Assert.Equal(answer == ExitDisposition.Stop ? Guest.ReadExit : VcpuExitKind.Canceled, kind);
            Assert.Equal(1, handler.Calls);
            Assert.Throws<ObjectDisposedException>(() => { _ = vcpu.RunOnce().Kind; });
            Assert.Empty(machine.Partition.Vcpus);
        });
    }

    [Fact]
    public void Dispose_WithinHandlerThatThrows_EndsAllAndTheExceptionArrives()
    {
        OpenDescriptors.AssertNoneLeft(static () =>
        {
            using TestMachine machine = CreateReader();
            var handler = new Disposer { Disposable = machine.Partition, Throws = true };
            Vcpu vcpu = machine.Vcpu;

            Assert.Throws<TimeZoneNotFoundException>(() => { _ = vcpu.Run(ref handler).Kind; });

            Assert.Throws<ObjectDisposedException>(() => vcpu.ReadRegisters());
        });
    }

    [Fact]
    public void Dispose_OfPartitionWithSeveralRunningVcpus_EndsAll()
    {
        const int vcpus = 4;
        TestProgram program = SpinningGuest.Create(SpinAt.User);
        using var machine = new TestMachine(configure: static options => options.MaxVcpus = vcpus);
        program.LoadInto(machine.Memory);
        var running = new Signal(vcpus);
        using BusWindow window = machine.Partition.DeviceBus().Map(Guest.DonePlace, 1, running);
        Task<VcpuExitKind>[] runs = [.. Enumerable.Range(0, vcpus).Select(i => machine.Partition.RunVcpuAsync(i, (vcpu, _) =>
        {
            program.Start(vcpu);
            return vcpu.Run(CancellationToken.None).Kind;
        }))];
        Limit.Await(running.Task, "all vCPUs to run");

        Limit.Await(Task.Run(machine.Partition.Dispose), "the disposal");

        Assert.All(runs, static run => Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "a run to end")));
    }

    [Fact]
    public void Dispose_FromManyThreadsAtOnce_EachReturnsWhenAllIsGone()
    {
        TestProgram program = SpinningGuest.Create(SpinAt.User);
        using var machine = new TestMachine(program);
        var running = new Signal();
        using BusWindow window = machine.Partition.DeviceBus().Map(Guest.DonePlace, 1, running);
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            program.Start(vcpu);
            return vcpu.Run(CancellationToken.None).Kind;
        });
        Limit.Await(running.Task, "the guest to run");
        Vcpu vcpu = machine.Partition.Vcpus[0];

        Task[] disposals = [.. Enumerable.Range(0, 8).Select(i => Task.Run(i % 2 == 0 ? vcpu.Dispose : machine.Partition.Dispose))];

        Assert.All(disposals, static disposal => Limit.Await(disposal, "a disposal"));
        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the run to end"));
    }

    /// <summary>Asks the host for ever.</summary>
    private static TestMachine CreateReader() => new(Guest.Asker());

    private struct Disposer : IVcpuHandler
    {
        public required IDisposable Disposable;
        public ExitDisposition Answer;
        public bool Throws;
        public int Calls;

        public ExitDisposition Handle(in VcpuExit exit)
        {
            Calls++;
            Disposable.Dispose();
            return Throws ? throw new TimeZoneNotFoundException("An exception that nobody else throws.") : Answer;
        }
    }

    /// <summary>Where the guests say that they spin: their vCPUs are then within a run.</summary>
    private sealed class Signal(int writes = 1) : IBusDevice
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _missing = writes;

        public Task Task => _all.Task;

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (Interlocked.Decrement(ref _missing) == 0)
            {
                _all.SetResult();
            }
        }
    }
}
