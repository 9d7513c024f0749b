using HvSdk.Live;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Accesses to GPAs without memory. A host may split an access that crosses a page; the bytes arrive once each, in order.</summary>
public sealed class MmioTests
{
    private const ulong Before = 0x1111_1111_1111_1111;
    private const ulong Value = 0x8877_6655_4433_2211;
    private const int WindowSize = 0x2000;

    public static MatrixTheoryData<int, int> SizesAndLevels => new([1, 2, 4, 8], [0, 3]);

    /// <summary>Within a page and across its end.</summary>
    public static MatrixTheoryData<int, int> OffsetsAndLevels => new([1, 3, 5, 7, 0xFF9, 0xFFB, 0xFFD, 0xFFF], [0, 3]);

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void MmioWrite_EachSize_LeavesWithAddressAndValue(int size, int level)
    {
        // Writes the low bytes of a register to the device.
        using var machine = new TestMachine(Guest.Program(
            g =>
            {
                g.Set(GuestRegister.Address, TestMachine.DeviceAddress + 8);
                g.Set(GuestRegister.Value, Value);
                g.Store(size);
            },
            level));

        VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioWrite);

        Assert.Equal(TestMachine.DeviceAddress + 8, exit.Address);
        Assert.Equal(size, exit.Size);
        Assert.Equal(1, exit.Count);
        Assert.Equal(Guest.Low(Value, size), exit.Value);
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void MmioRead_EachSize_GivesAnswer(int size, int level)
    {
        using TestMachine machine = Reader(size, level);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioRead);
        Assert.Equal(TestMachine.DeviceAddress + 8, exit.Address);
        Assert.Equal(size, exit.Size);
        exit.SetValue(Value);

        machine.RunOnceToDone();
        Assert.Equal(Guest.Merge(Before, Value, size), machine.Read(GuestRegister.Value));
    }

    [Theory]
    [MemberData(nameof(SizesAndLevels))]
    public void MmioRead_Unanswered_GivesOnes(int size, int level)
    {
        using TestMachine machine = Reader(size, level);

        machine.RunOnce(VcpuExitKind.MmioRead);

        machine.RunOnceToDone();
        Assert.Equal(Guest.Merge(Before, ulong.MaxValue, size), machine.Read(GuestRegister.Value));
    }

    [Theory]
    [MemberData(nameof(OffsetsAndLevels))]
    public void MmioWrite_Unaligned_EachByteArrivesOnce(int offset, int level)
    {
        foreach (int size in (int[])[2, 4, 8])
        {
            // Writes the low bytes of a register at an odd offset of the device.
            using var machine = new TestMachine(Guest.Program(
                g =>
                {
                    g.Set(GuestRegister.Address, TestMachine.DeviceAddress + (ulong)offset);
                    g.Set(GuestRegister.Value, Value);
                    g.Store(size);
                    g.Done();
                },
                level));
            var device = new RecordingDevice(WindowSize);
            machine.Partition.Mmio.Map(TestMachine.DeviceAddress, WindowSize, device);

            machine.RunToDone();

            byte[] expected = new byte[WindowSize];
            BitConverter.GetBytes(Value).AsSpan(0, size).CopyTo(expected.AsSpan(offset));
            Assert.Equal(expected, device.Bytes);
            AssertInOrder(device, true, offset, size);
        }
    }

    [Theory]
    [MemberData(nameof(OffsetsAndLevels))]
    public void MmioRead_Unaligned_EachByteIsAskedOnce(int offset, int level)
    {
        foreach (int size in (int[])[2, 4, 8])
        {
            // Reads from an odd offset of the device.
            using var machine = new TestMachine(Guest.Program(
                g =>
                {
                    g.Set(GuestRegister.Address, TestMachine.DeviceAddress + (ulong)offset);
                    g.Set(GuestRegister.Value, Before);
                    g.Load(size);
                    g.Done();
                },
                level));
            var device = new RecordingDevice(WindowSize);
            BitConverter.GetBytes(Value).CopyTo(device.Bytes.AsSpan(offset));
            machine.Partition.Mmio.Map(TestMachine.DeviceAddress, WindowSize, device);

            machine.RunToDone();

            Assert.Equal(Guest.Merge(Before, Value, size), machine.Read(GuestRegister.Value));
            AssertInOrder(device, false, offset, size);
        }
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void MmioAccess_FromEndOfRam_IsSharedBetweenRamAndDevice(int level) => Divergences.Check("store-from-end-of-ram", () =>
    {
        const uint start = (uint)TestMachine.DefaultRamSize - 3;

        // Writes 8 bytes, the first three of which are RAM, and reads them back.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, start);
                g.Set(GuestRegister.Value, Value);
                g.Store(8);
                g.Set(GuestRegister.Value, 0);
                g.Load(8);
                g.Done();
            },
            level));
        var device = new RecordingDevice(0x1000);
        machine.Partition.Mmio.Map(TestMachine.DefaultRamSize, 0x1000, device);

        machine.RunToDone();

        Assert.True(machine.Read(GuestRegister.Value) == Value, $"The guest reads 0x{machine.Read(GuestRegister.Value):X} back.");
        byte[] ram = new byte[3];
        machine.Memory.Read(start, ram);
        Assert.Equal([0x11, 0x22, 0x33], ram);
        Assert.Equal([0x44, 0x55, 0x66, 0x77, 0x88, 0], device.Bytes[..6]);
    });

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void MmioAccess_BySixteenBytes_ArrivesInParts(int level)
    {
        // Copies 16 bytes from one place of the device to another in one vector register.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, TestMachine.DeviceAddress);
                g.CopySixteen(0x100, 0);
                g.Done();
            },
            level));
        var device = new RecordingDevice(WindowSize);
        byte[] content = [.. Enumerable.Range(1, 16).Select(static i => (byte)i)];
        content.CopyTo(device.Bytes, 0x100);
        machine.Partition.Mmio.Map(TestMachine.DeviceAddress, WindowSize, device);

        machine.RunToDone();

        Assert.Equal(content, device.Bytes[..16]);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    [X64Only("It has no string instructions.")]
    public void MmioAccess_ByStringInstructions_IsInOrder(int level)
    {
        // Copies 5 words from the buffer to the device, and 12 bytes from there back to behind the buffer.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(esi, (uint)Guest.Buffer);
            a.mov(edi, (uint)TestMachine.DeviceAddress);
            a.mov(ecx, 5);
            a.rep.movsw();
            a.mov(esi, (uint)TestMachine.DeviceAddress);
            a.mov(edi, (uint)Guest.Buffer + 0x100);
            a.mov(ecx, 12);
            a.rep.movsb();
            a.Done();
        }));
        byte[] content = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        machine.Memory.Write(Guest.Buffer, content);
        var device = new RecordingDevice(WindowSize);
        machine.Partition.Mmio.Map(TestMachine.DeviceAddress, WindowSize, device);

        machine.RunToDone();

        byte[] copy = new byte[12];
        machine.Memory.Read(Guest.Buffer + 0x100, copy);
        Assert.Equal([.. content, 0, 0], copy);
        AssertInOrder(device, true, 0, content.Length);
        AssertInOrder(device, false, 0, copy.Length);
    }

    private static TestMachine Reader(int size, int level) =>
        // Reads the device into a register, all of whose bytes are 0x11.
        new(Guest.Program(
            g =>
            {
                g.Set(GuestRegister.Address, TestMachine.DeviceAddress + 8);
                g.Set(GuestRegister.Value, Before);
                g.Load(size);
                g.Done();
            },
            level));

    /// <summary>The accesses of one direction follow each other without gap and overlap.</summary>
    private static void AssertInOrder(RecordingDevice device, bool isWrite, int offset, int size)
    {
        ulong next = (ulong)offset;
        foreach (DeviceAccess access in device.Accesses.Where(access => access.IsWrite == isWrite))
        {
            Assert.Equal(next, access.Offset);
            Assert.InRange(access.Size, 1, 8);
            next += (ulong)access.Size;
        }

        Assert.Equal((ulong)(offset + size), next);
    }
}
