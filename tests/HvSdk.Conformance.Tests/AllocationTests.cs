using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>What happens again and again allocates nothing.</summary>
public sealed class AllocationTests
{
    private static readonly int s_rounds = Repetitions.Get("HVSDK_ALLOCATION_ROUNDS", 25_000, 25_000);

    [Fact]
    public void Exits_ThroughTheBuses_AllocateNothing()
    {
        // A port write and read and an MMIO write and read in each round; then it halts.
        using var machine = new TestMachine(GuestProgram.LongMode(static a =>
        {
            a.mov(ecx, s_rounds);
            a.mov(edx, TestMachine.DevicePort);
            a.mov(edi, (uint)TestMachine.DeviceAddress);
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.@out(dx, al);
            a.@in(al, dx);
            a.mov(__[rdi], eax);
            a.mov(eax, __[rdi]);
            a.dec(ecx);
            a.jnz(loop);
            a.hlt();
        }));
        var device = new Counter();
        using BusWindow port = machine.Partition.Ports.Map(TestMachine.DevicePort, 4, device);
        using BusWindow mmio = machine.Partition.Mmio.Map(TestMachine.DeviceAddress, 8, device);
        X64Registers start = machine.Registers;
        machine.Run(VcpuExitKind.Halt);
        machine.Registers = start;
        Vcpu vcpu = machine.Vcpu;
        using var limit = new Timer(static vcpu => ((Vcpu)vcpu!).Cancel(), vcpu, Limit.Value, Timeout.InfiniteTimeSpan);

        long before = GC.GetAllocatedBytesForCurrentThread();
        VcpuExitKind kind = vcpu.Run(CancellationToken.None).Kind;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal((VcpuExitKind.Halt, 0L), (kind, allocated));
        Assert.Equal(2 * 4 * s_rounds, device.Accesses);
    }

    [Fact]
    public void Exits_OneByOne_AllocateNothing()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a =>
        {
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.@in(al, 0x80);
            a.jmp(loop);
        }));
        Vcpu vcpu = machine.Vcpu;
        AssertNothing(() =>
        {
            VcpuExit exit = vcpu.RunOnce();
            exit.SetValue(exit.Port);
        });
    }

    [Fact]
    public void Doorbell_RungAndWaitedFor_AllocatesNothing()
    {
        using var machine = new TestMachine();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(TestMachine.DevicePort));
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
        using var machine = new TestMachine(configure: static options => options.InterruptController = InterruptControllerMode.Full);
        _ = machine.Vcpu;
        InterruptController interrupts = machine.Partition.Interrupts;
        InterruptLine line = interrupts.GetLine(5);
        using InterruptTrigger message = interrupts.CreateTrigger(MsiMessage.ForX64(0x40));
        using InterruptTrigger level = interrupts.CreateTrigger(interrupts.GetLine(6), levelTriggered: true);

        AssertNothing(() =>
        {
            line.Pulse();
            interrupts.Send(MsiMessage.ForX64(0x40));
            message.Signal();
            level.Signal();
            level.WaitForAcknowledge(TimeSpan.Zero);
        });
    }

    private static void AssertNothing(Action action)
    {
        const int times = 2000;
        for (int i = 0; i < times; i++)
        {
            action();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < times; i++)
        {
            action();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private sealed class Counter : IBusDevice
    {
        public int Accesses { get; private set; }

        public void Read(ulong offset, Span<byte> data) => Accesses++;

        public void Write(ulong offset, ReadOnlySpan<byte> data) => Accesses++;
    }
}
