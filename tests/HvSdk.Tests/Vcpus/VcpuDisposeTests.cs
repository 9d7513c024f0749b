using HvSdk.Testing;

namespace HvSdk.Tests.Vcpus;

public sealed class VcpuDisposeTests
{
    [Fact]
    public void Dispose_Idle_GoesAtOnceAndTwiceIsOnce()
    {
        using ScriptedMachine machine = new();
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.Dispose();
        vcpu.Dispose();
        vcpu.Cancel();
        Assert.Equal(0, machine.Record.LiveVcpus);
        Assert.Empty(machine.Partition.Vcpus);
        Assert.Contains("vCPU 0 of partition was disposed of", Assert.Throws<ObjectDisposedException>(() => vcpu.Run().Kind).Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => vcpu.X64.GetRegisters());
        Assert.Throws<ObjectDisposedException>(() => vcpu.SetDebug(VcpuDebugOptions.None));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_RunningOnAnotherThread_EndsTheRunAndWaits(bool wholePartition)
    {
        using ScriptedMachine machine = new();
        using var inGuest = new ManualResetEventSlim();
        machine.Script.Do(inGuest.Set).WaitForCancel();
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, static (vcpu, token) => vcpu.Run(token).Kind);
        Assert.True(inGuest.Wait(Limits.Limit), "the vCPU did not run in time");
        IDisposable victim = wholePartition ? machine.Partition : machine.Partition.Vcpus[0];
        await Limits.OnThread(victim.Dispose).Within("the disposal");
        Assert.Equal((0, wholePartition), (machine.Record.LiveVcpus, machine.Record.IsDisposed));
        await run.Within("the run");
        Assert.Equal(VcpuExitKind.Canceled, await run);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dispose_InAHandler_GoesWhenTheRunHasReturned(bool wholePartition)
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer).Halt();
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            if (wholePartition)
            {
                machine.Partition.Dispose();
            }
            else
            {
                vcpu.Dispose();
            }

            Assert.Equal(1, machine.Record.LiveVcpus);
            exit.SetValue(1);
            return ExitDisposition.Handled;
        });
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run(ref handler).Kind);
        Assert.Equal((0, wholePartition), (machine.Record.LiveVcpus, machine.Record.IsDisposed));
        Assert.Equal(1UL, answer.Value);
        Assert.Throws<ObjectDisposedException>(() => vcpu.Run().Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dispose_InAHandlerThatStops_ReturnsACopyOfTheExit(bool wholePartition)
    {
        // The exit block goes with the vCPU: an exit that shows it would let its caller read memory that is no longer mapped.
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 0x5A).Halt();
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            (wholePartition ? (IDisposable)machine.Partition : vcpu).Dispose();
            return ExitDisposition.Stop;
        });
        VcpuExit exit = vcpu.Run(ref handler);
        Assert.Equal(0, machine.Record.LiveVcpus);
        Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
        Assert.Equal(0x5AUL, exit.Value);
    }

    [Fact]
    public async Task Dispose_ByAnotherThreadWhileAnExitIsOpen_LeavesTheExitReadable()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 0x5A).Halt();
        ulong value = await machine.Partition.RunVcpuAsync(
            0,
            (vcpu, _) =>
            {
                VcpuExit exit = vcpu.RunOnce();
                var other = new Thread(machine.Partition.Dispose);
                other.Start();
                other.Join();
                return exit.Value;
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(0x5AUL, value);
        Assert.True(machine.Record.IsDisposed);
    }

    [Fact]
    public void Dispose_InAHandlerThatThrows_GoesAndTheExceptionReachesTheCaller()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 1);
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            vcpu.Dispose();
            throw new FormatException();
        });
        Assert.Throws<FormatException>(() => vcpu.Run(ref handler).Kind);
        Assert.Equal(0, machine.Record.LiveVcpus);
    }

    [Fact]
    public async Task Dispose_WhileAHandlerBlocks_WaitsForIt()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 1).Halt();
        using var inHandler = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            var handler = new Listing(exit =>
            {
                inHandler.Set();
                Assert.True(goOn.Wait(Limits.Limit), "the handler was not let go in time");
                return ExitDisposition.Handled;
            });
            return vcpu.Run(ref handler, CancellationToken.None).Kind;
        });
        Assert.True(inHandler.Wait(Limits.Limit), "the handler was not reached in time");
        Vcpu vcpu = machine.Partition.Vcpus[0];
        Task disposal = Limits.OnThread(vcpu.Dispose);

        // The disposal kicks first and then waits: once kicked, it has begun.
        Limits.Until(() => machine.Script.Kicks > 0, "the disposal has begun");
        Assert.False(disposal.IsCompleted);
        Assert.Equal(1, machine.Record.LiveVcpus);
        goOn.Set();
        await disposal.Within("the disposal");
        Assert.Equal(0, machine.Record.LiveVcpus);
        Assert.Equal(VcpuExitKind.Canceled, await run);
    }

    [Fact]
    public async Task Dispose_OfThePartitionByTwoHandlersAndOthers_EndsOnce()
    {
        for (int round = 0; round < 50; round++)
        {
            using ScriptedMachine machine = new(new() { MaxVcpus = 2 });
            machine.Partition.Memory.Map(0, 0x1000);
            machine.Backend.Vcpu(0).PortWrite(0x60, 1).WaitForCancel();
            machine.Backend.Vcpu(1).PortWrite(0x60, 1).WaitForCancel();
            using var start = new Barrier(4);
            Task all = Task.WhenAll(Run(0), Run(1), Limits.OnThread(DisposeToo), Limits.OnThread(DisposeToo));
            await all.Within("four disposals");
            Assert.True(machine.Record.IsDisposed);

            Task Run(int index) => machine.Partition.RunVcpuAsync(index, (vcpu, _) =>
            {
                var handler = new Listing(exit =>
                {
                    DisposeToo();
                    return ExitDisposition.Handled;
                });
                return vcpu.Run(ref handler, CancellationToken.None).Kind;
            });

            void DisposeToo()
            {
                Assert.True(start.SignalAndWait(Limits.Limit), "the others did not come in time");
                machine.Partition.Dispose();
            }
        }
    }

    [Fact]
    public void Dispose_OfThePartition_RefusesEverythingAfter()
    {
        using ScriptedMachine machine = new(new() { InterruptController = InterruptControllerMode.Full });
        Partition partition = machine.Partition;
        InterruptLine line = partition.Interrupts.GetLine(4);
        Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Port(0x60));
        BusWindow window = partition.Ports.Map(0x80, 1, new RecordingDevice());
        partition.Dispose();
        partition.Dispose();
        Check(() => partition.CreateVcpu(0));
        Check(() => partition.RunVcpuAsync(0, static (_, _) => 0));
        Check(() => partition.CreateDoorbell(DoorbellLocation.Port(1)));
        Check(() => partition.SaveState());
        Check(() => partition.LoadState(new PartitionState()));
        Check(() => partition.ReadHostStatistics());
        Check(() => partition.Ports.Map(0, 1, new RecordingDevice()));
        Check(() => line.Set(true));
        Check(() => partition.Interrupts.Send(default));
        Check(() => partition.Interrupts.SetRoutes([]));
        Check(() => partition.Interrupts.CreateTrigger(line));
        Assert.Throws<ObjectDisposedException>(() => doorbell.Wait(TimeSpan.Zero));
        doorbell.Ring();
        doorbell.Dispose();
        window.Dispose();

        static void Check(Action action) => Assert.Contains("partition was disposed of", Assert.Throws<ObjectDisposedException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dispose_OfTheHypervisorFirst_LeavesThePartition()
    {
        ScriptedMachine machine = new();
        machine.Hypervisor.Dispose();
        machine.Hypervisor.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.Hypervisor.CreatePartition());
        Assert.Equal("Halt", machine.RunToEnd());
        machine.Partition.Dispose();
        Assert.Equal(0, machine.Backend.OpenHosts);
    }
}
