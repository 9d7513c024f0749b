using HvSdk.Live;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>REP INS and REP OUTS. A host may give the elements in one exit or in several; in order, with size and count, in every case.</summary>
[X64Only("It has no I/O ports.")]
public sealed class PortStringTests
{
    private const int Count = 5;

    private static readonly byte[] s_bytes = [.. Enumerable.Range(1, Count * 4).Select(static i => (byte)i)];

    public static MatrixTheoryData<int, int> SizesAndLevels => new([1, 2, 4], [0, 3]);

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void RepOuts_ExitByExit_GivesAllElementsInOrder(int size, int level)
    {
        using TestMachine machine = Sender(size, level);
        var received = new List<byte>();

        while (received.Count < Count * size)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.PortWrite);
            Assert.Equal(TestMachine.DevicePort, exit.Port);
            Assert.Equal(size, exit.Size);
            Assert.Equal(exit.Size * exit.Count, exit.Data.Length);
            received.AddRange(exit.Data);
        }

        Assert.Equal(s_bytes[..(Count * size)], received);
        AssertEnd(machine, static registers => registers.Rsi, size);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void RepIns_ExitByExit_TakesAllElementsInOrder(int size, int level)
    {
        using TestMachine machine = Receiver(size, level);

        for (int sent = 0; sent < Count * size;)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.PortRead);
            Assert.Equal(TestMachine.DevicePort, exit.Port);
            Assert.Equal(size, exit.Size);
            Assert.Equal(exit.Size * exit.Count, exit.Data.Length);
            Assert.InRange(exit.Count, 1, Count - (sent / size));
            s_bytes.AsSpan(sent, exit.Data.Length).CopyTo(exit.Data);
            sent += exit.Data.Length;
        }

        AssertEnd(machine, static registers => registers.Rdi, size);
        AssertBuffer(machine, s_bytes.AsSpan(0, Count * size));
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void RepOuts_ThroughDevice_ArrivesElementByElement(int size, int level)
    {
        using TestMachine machine = Sender(size, level);
        var device = new QueueDevice();
        machine.Partition.Ports.Map(TestMachine.DevicePort, 4, device);

        RunToDone(machine);

        Assert.Equal(Elements(size), device.Writes);
        Assert.Equal(0, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void RepIns_ThroughDevice_IsAskedElementByElement(int size, int level)
    {
        using TestMachine machine = Receiver(size, level);
        machine.Partition.Ports.Map(TestMachine.DevicePort, 4, new QueueDevice(Elements(size)));

        RunToDone(machine);

        AssertBuffer(machine, s_bytes.AsSpan(0, Count * size));
    }

    [Fact]
    public void RepIns_AcrossPages_FillsBothInOrder()
    {
        const int count = 6000;

        // Reads 6,000 bytes from the port, from the middle of a page on.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(edi, (uint)Guest.Buffer + 0x800);
            a.mov(ecx, count);
            a.rep.insb();
            a.Done();
        }));
        ulong[] sent = [.. Enumerable.Range(0, count).Select(static i => (ulong)(byte)(i * 7))];
        machine.Partition.Ports.Map(TestMachine.DevicePort, 1, new QueueDevice(sent));

        RunToDone(machine);

        byte[] received = new byte[count];
        machine.Memory.Read(Guest.Buffer + 0x800, received);
        Assert.Equal(sent, received.Select(static b => (ulong)b));
    }

    [Fact]
    public void RepOuts_CountZero_DoesNotLeave()
    {
        // A repeated write of no elements.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.xor(ecx, ecx);
            a.rep.outsb();
            a.Done();
        }));

        Assert.Equal(Guest.DonePort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
    }

    private static TestMachine Sender(int size, int level)
    {
        // Writes five elements of the buffer to the port.
        var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(esi, (uint)Guest.Buffer);
            a.mov(ecx, Count);
            a.RepOuts(size);
            a.Done();
        }));
        machine.Memory.Write(Guest.Buffer, s_bytes);
        return machine;
    }

    private static TestMachine Receiver(int size, int level) =>
        // Reads five elements from the port into the buffer.
        new(Guest.Long(level, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(edi, (uint)Guest.Buffer);
            a.mov(ecx, Count);
            a.RepIns(size);
            a.Done();
        }));

    private static ulong[] Elements(int size) =>
        [.. s_bytes.Chunk(size).Take(Count).Select(static chunk => chunk.Reverse().Aggregate(0UL, static (value, b) => (value << 8) | b))];

    private static void AssertEnd(TestMachine machine, Func<X64Registers, ulong> index, int size)
    {
        Assert.Equal(Guest.DonePort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
        Assert.Equal(0UL, machine.Registers.Rcx);
        Assert.Equal(Guest.Buffer + (ulong)(Count * size), index(machine.Registers));
    }

    private static void AssertBuffer(TestMachine machine, ReadOnlySpan<byte> expected)
    {
        byte[] buffer = new byte[expected.Length + 1];
        machine.Memory.Read(Guest.Buffer, buffer);
        Assert.Equal([.. expected, 0], buffer);
    }

    private static void RunToDone(TestMachine machine)
    {
        var handler = default(StopAtDone);
        machine.Run(ref handler, VcpuExitKind.PortWrite);
    }
}
