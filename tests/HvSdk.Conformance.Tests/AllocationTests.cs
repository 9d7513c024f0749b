using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>What happens again and again allocates nothing.</summary>
public sealed class AllocationTests
{
    private static readonly int s_rounds = Repetitions.Get("HVSDK_ALLOCATION_ROUNDS", 25_000, 25_000);

    [Fact]
    public void Exits_ThroughTheBuses_AllocateNothing()
    {
        const ulong elsewhere = TestMachine.DeviceAddress + 0x1000;

        // A write and a read of the device's register and of an address without memory in each round.
        TestProgram program = Guest.Program(static g =>
        {
            g.Set(GuestRegister.Count, (ulong)s_rounds);
            g.Set(GuestRegister.Address, elsewhere);
            GuestLabel loop = g.MarkHere();
            g.Out(1);
            g.In(1);
            g.Store(4);
            g.Load(4);
            g.Add(GuestRegister.Count, -1);
            g.JumpUnlessZero(GuestRegister.Count, loop);
            g.End();
        });
        using var machine = new TestMachine(program);
        var device = new Counter();
        using BusWindow register = machine.Partition.DeviceBus().Map(Guest.DevicePlace, 4, device);
        using BusWindow mmio = machine.Partition.Mmio.Map(elsewhere, 8, device);
        Vcpu vcpu = machine.Vcpu;
        using var limit = new Timer(static vcpu => ((Vcpu)vcpu!).Cancel(), vcpu, 2 * Limit.Value, Timeout.InfiniteTimeSpan);
        vcpu.RunToEnd();
        int runs = 1;

        // The least of several (Allocations tells why): what brings the vCPU to the start again allocates, and is no part of it.
        long least = long.MaxValue;
        for (int i = 0; i < 5 && least > 0; i++, runs++)
        {
            program.Start(vcpu);
            long before = GC.GetAllocatedBytesForCurrentThread();
            VcpuExitKind kind = vcpu.RunToEnd();
            least = long.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(Guest.EndExit, kind);
        }

        Assert.Equal(0, least);
        Assert.Equal(runs * 4 * s_rounds, device.Accesses);
    }

    [Fact]
    public void Exits_OneByOne_AllocateNothing()
    {
        using var machine = new TestMachine(Guest.Asker());
        Vcpu vcpu = machine.Vcpu;
        AssertNothing(() =>
        {
            VcpuExit exit = vcpu.RunOnce();
            exit.SetValue(exit.Place());
        });
    }

    [Fact]
    public void Doorbell_RungAndWaitedFor_AllocatesNothing()
    {
        using var machine = new TestMachine();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Guest.DeviceDoorbell());
        using var source = new CancellationTokenSource();
        CancellationToken token = source.Token;
        TimeSpan limit = Limit.Value;

        AssertNothing(() =>
        {
            doorbell.Ring();
            doorbell.Wait();
            doorbell.Ring();
            doorbell.Wait(limit, token);
            doorbell.Wait(TimeSpan.Zero);
        });
    }

    [Fact]
    public void Interrupts_Raised_AllocateNothing()
    {
        using var machine = new TestMachine(configure: GuestMessages.ConfigureFull);
        _ = machine.Vcpu;
        InterruptController interrupts = machine.Partition.Interrupts;
        InterruptLine line = interrupts.GetLine(5);
        MsiMessage address = GuestMessages.Message;
        using InterruptTrigger message = interrupts.CreateTrigger(address);
        using InterruptTrigger? level = Guest.IsX64 ? interrupts.CreateTrigger(interrupts.GetLine(6), levelTriggered: true) : null;

        AssertNothing(() =>
        {
            line.Pulse();
            interrupts.Send(address);
            message.Signal();
            level?.Signal();
            level?.WaitForAcknowledge(TimeSpan.Zero);
        });
    }

    private static void AssertNothing(Action action)
    {
        const int times = 2000;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < times; i++)
            {
                action();
            }
        }));
    }

    private sealed class Counter : IBusDevice
    {
        public int Accesses { get; private set; }

        public void Read(ulong offset, Span<byte> data) => Accesses++;

        public void Write(ulong offset, ReadOnlySpan<byte> data) => Accesses++;
    }
}
