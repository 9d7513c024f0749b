using HvSdk.Live;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Single port accesses, exit by exit.</summary>
[X64Only("It has no I/O ports.")]
public sealed class PortTests
{
    private const ulong Before = 0x1111_1111_1111_1111;
    private const uint Value = 0x4433_2211;

    public static MatrixTheoryData<int, int> SizesAndLevels => new([1, 2, 4], [0, 3]);

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void PortWrite_EachSize_LeavesWithPortAndValue(int size, int level)
    {
        // Writes the low bytes of RAX to the port.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(eax, Value);
            a.Out(size);
        }));

        VcpuExit exit = machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(TestMachine.DevicePort, exit.Port);
        Assert.Equal(size, exit.Size);
        Assert.Equal(1, exit.Count);
        Assert.Equal(Guest.Low(Value, size), exit.Value);
        Assert.True(exit.IsAccess && exit.IsWrite);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void PortRead_AnsweredThroughData_ReachesGuest(int size, int level)
    {
        using TestMachine machine = Reader(size, level);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.PortRead);
        Assert.Equal(TestMachine.DevicePort, exit.Port);
        Assert.Equal(size, exit.Size);
        Assert.Equal(1, exit.Count);
        BitConverter.GetBytes(Value)[..size].CopyTo(exit.Data);

        AssertGuestHas(machine, Value, size);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void PortRead_AnsweredBySetValue_ReachesGuest(int size, int level)
    {
        using TestMachine machine = Reader(size, level);

        machine.RunOnce(VcpuExitKind.PortRead).SetValue(Value);

        AssertGuestHas(machine, Value, size);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void PortRead_Unanswered_GivesOnes(int size, int level)
    {
        using TestMachine machine = Reader(size, level);

        // The exit block still holds the first access's bytes when the second one leaves.
        machine.RunOnce(VcpuExitKind.PortWrite);
        Assert.Equal(Guest.Low(ulong.MaxValue, size), machine.RunOnce(VcpuExitKind.PortRead).Value);

        AssertGuestHas(machine, ulong.MaxValue, size);

        static TestMachine Reader(int size, int level) =>
            // Writes zeros to the port, and then reads it.
            new(Guest.Long(level, a =>
            {
                a.mov(edx, TestMachine.DevicePort);
                a.xor(eax, eax);
                a.Out(size);
                a.mov(rax, Before);
                a.In(size);
                a.Done();
            }));
    }

    [Theory]
    [InlineData(0x0000)]
    [InlineData(0x00FF)]
    [InlineData(0x0100)]
    [InlineData(0xFFFF)]
    public void PortWrite_AtEndsOfPortSpace_LeavesWithPort(int port)
    {
        // Writes a byte to the port.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(edx, port);
            a.Out(1);
        }));

        Assert.Equal(port, machine.RunOnce(VcpuExitKind.PortWrite).Port);
    }

    private static TestMachine Reader(int size, int level) =>
        // Reads the port into RAX, all of whose bytes are 0x11.
        new(Guest.Long(level, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(rax, Before);
            a.In(size);
            a.Done();
        }));

    private static void AssertGuestHas(TestMachine machine, ulong value, int size)
    {
        Assert.Equal(Guest.DonePort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
        Assert.Equal(Guest.Merge(Before, value, size), machine.Registers.Rax);
    }
}
