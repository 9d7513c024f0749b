using HvSdk.Testing;

namespace HvSdk.Tests.Buses;

public sealed class DeviceBusTests
{
    [Fact]
    public void Access_ManyWindows_ReachesEachDeviceWithItsOffset()
    {
        using ScriptedMachine machine = new();
        var devices = new RecordingDevice[50];
        for (int i = 49; i >= 0; i--)
        {
            devices[i] = new RecordingDevice();
            machine.Partition.Ports.Map((ulong)(0x100 + (i * 0x10)), 0x10, devices[i]);
        }

        // Each window's first and last byte, and the first again: the hit of the last time is asked first.
        for (int i = 0; i < 50; i++)
        {
            ushort address = (ushort)(0x100 + (i * 0x10));
            machine.Script.PortWrite(address, (byte)i).PortWrite((ushort)(address + 0xF), 0xFF).PortWrite(address, 0x55);
        }

        machine.RunToEnd();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal([$"write 0: {i:X2}", "write 15: FF", "write 0: 55"], devices[i].Log);
        }

        Assert.Equal(50, machine.Partition.Ports.Windows.Count);
        Assert.Equal(0x100UL, machine.Partition.Ports.Windows[0].Address);
    }

    [Fact]
    public void Read_FromADevice_GivesItsBytes()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Mmio.Map(0x1000, 0x100, new RecordingDevice { Answer = [0x11, 0x22, 0x33, 0x44] });
        machine.Script.MmioRead(0x1004, out ScriptedAnswer answer, 4).MmioRead(0x1005, out ScriptedAnswer three, 3);
        machine.RunToEnd();
        Assert.Equal(0x4433_2211UL, answer.Value);
        Assert.Equal(0x33_2211UL, three.Value);
    }

    [Fact]
    public void Read_DeviceThatSetsNothing_GivesAllOnes()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Ports.Map(0x60, 4, new RecordingDevice());
        machine.Script.PortRead(0x60, out ScriptedAnswer answer, 4);
        machine.RunToEnd();
        Assert.Equal(0xFFFF_FFFFUL, answer.Value);
    }

    [Fact]
    public void Access_WhereNothingIs_IsOpenBusAndCounted()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x80, out ScriptedAnswer port, 2).PortWrite(0x80, 1).MmioRead(0x5000, out ScriptedAnswer mmio, 8).MmioWrite(0x5000, 1);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        Assert.Equal((0xFFFFUL, ulong.MaxValue), (port.Value, mmio.Value));
        Assert.Equal((2L, 2L), (vcpu.Statistics.UnhandledReads, vcpu.Statistics.UnhandledWrites));
    }

    [Theory]
    [InlineData(0x0FE, 4)] // begins before the window
    [InlineData(0x10E, 4)] // ends behind it
    public void Access_ThatStraddlesAnEdge_ReachesNoDevice(ushort port, int size)
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Ports.Map(0x100, 0x10, device);
        machine.Script
            .PortRead(0x100, out _) // the window is the last hit
            .PortWrite(port, 0, size)
            .PortRead(port, out ScriptedAnswer answer, size);
        machine.RunToEnd();
        Assert.Equal(["read 0"], device.Log);
        Assert.Equal(0xFFFF_FFFFUL, answer.Value);
    }

    [Fact]
    public void Access_StraddlingTwoWindows_ReachesNeither()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Mmio.Map(0x1000, 4, device);
        machine.Partition.Mmio.Map(0x1004, 4, device);
        machine.Script.MmioWrite(0x1002, 1, 4);
        machine.RunToEnd();
        Assert.Empty(device.Log);
    }

    [Fact]
    public void Access_OfAString_ReachesTheSamePlaceOncePerItem()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice { Answer = [0xAB] };
        machine.Partition.Ports.Map(0x3F0, 0x10, device);
        machine.Script.PortWriteString(0x3F8, [1, 2, 3, 4], size: 2).PortReadString(0x3F9, 3, out ScriptedAnswer answer);
        machine.RunToEnd();
        Assert.Equal(["write 8: 0102", "write 8: 0304", "read 9", "read 9", "read 9"], device.Log);
        Assert.Equal([0xAB, 0xAB, 0xAB], answer.Bytes.ToArray());
    }

    [Fact]
    public void Map_WindowGoneAndAnotherThere_TheLastHitIsForgotten()
    {
        using ScriptedMachine machine = new();
        RecordingDevice before = new(), after = new();
        BusWindow window = machine.Partition.Ports.Map(0x60, 1, before);
        machine.Script
            .PortWrite(0x60, 1)
            .Do(() =>
            {
                window.Dispose();
                window.Dispose();
            })
            .PortWrite(0x60, 2)
            .Do(() => machine.Partition.Ports.Map(0x60, 1, after))
            .PortWrite(0x60, 3);
        machine.RunToEnd();
        Assert.Equal(["write 0: 01"], before.Log);
        Assert.Equal(["write 0: 03"], after.Log);
    }

    [Theory]
    [InlineData(0x100UL, 0x10UL, "the window of RecordingDevice at 0x100 to 0x10F")]
    [InlineData(0x10FUL, 1UL, "0x100 to 0x10F")]
    [InlineData(0UL, 0x101UL, "0x100 to 0x10F")]
    public void Map_OverAWindow_NamesIt(ulong address, ulong size, string words)
    {
        using ScriptedMachine machine = new();
        machine.Partition.Ports.Map(0x100, 0x10, new RecordingDevice());
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Ports.Map(address, size, new RecordingDevice()));
        Assert.Equal("address", e.ParamName);
        Assert.Contains($"0x{size:X} bytes at 0x{address:X} overlaps", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Contains("Choose another address", e.Message, StringComparison.Ordinal);
        Assert.Single(machine.Partition.Ports.Windows);
    }

    [Theory]
    [InlineData(0x10000UL, 1UL)]
    [InlineData(0xFFFFUL, 2UL)]
    [InlineData(1UL, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 1UL)]
    public void Map_BeyondTheBus_NamesItsEnd(ulong address, ulong size)
    {
        using ScriptedMachine machine = new();
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Ports.Map(address, size, new RecordingDevice()));
        Assert.Contains("the last address of I/O ports is 0xFFFF", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Map_AtTheVeryEnd_IsFound()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Ports.Map(0xFFFF, 1, device);
        machine.Partition.Mmio.Map((1UL << 40) - 1, 1, device);
        machine.Script.PortWrite(0xFFFF, 1).MmioWrite((1UL << 40) - 1, 2, 1).MmioWrite(ulong.MaxValue, 3, 1);
        machine.RunToEnd();
        Assert.Equal(["write 0: 01", "write 0: 02"], device.Log);
    }

    [Fact]
    public void Map_EmptyOrOverRam_IsRefused()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0x1000, 0x1000, new() { Name = "low RAM" });
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Mmio.Map(0, 0, new RecordingDevice()));
        Assert.Throws<ArgumentNullException>(() => machine.Partition.Mmio.Map(0, 1, null!));
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Mmio.Map(0x1FFF, 1, new RecordingDevice()));
        Assert.Contains("region low RAM at 0x1000 to 0x1FFF", e.Message, StringComparison.Ordinal);
        machine.Partition.Mmio.Map(0x2000, 1, new RecordingDevice());
        machine.Partition.Ports.Map(0x1000, 1, new RecordingDevice());
    }

    [Fact]
    public void Map_OverRom_TakesItsWrites()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0xF000, 0x1000, new() { Access = MemoryAccess.ReadOnly });
        var device = new RecordingDevice();
        machine.Partition.Mmio.Map(0xF000, 0x1000, device);
        machine.Script.MmioWrite(0xF010, 0x42, 1);
        machine.RunToEnd();
        Assert.Equal(["write 16: 42"], device.Log);
    }

    [Fact]
    public void Find_Addresses_GivesTheWindowThatHoldsThem()
    {
        using ScriptedMachine machine = new();
        BusWindow window = machine.Partition.Ports.Map(0x100, 0x10, new RecordingDevice());
        Assert.Same(window, machine.Partition.Ports.Find(0x10F));
        Assert.Null(machine.Partition.Ports.Find(0x110));
        Assert.Null(machine.Partition.Ports.Find(0xFF));
    }

    [Fact]
    public async Task Map_WhileVcpusAccess_NoAccessGoesAstray()
    {
        using ScriptedMachine machine = new(new() { MaxVcpus = 2 });
        var steady = new CountingDevice();
        machine.Partition.Ports.Map(0x200, 0x10, steady);
        const int rounds = 2000;
        for (int i = 0; i < rounds; i++)
        {
            machine.Backend.Vcpu(0).PortWrite(0x204, 1).PortWrite(0x304, 1);
            machine.Backend.Vcpu(1).PortWrite(0x304, 1).PortWrite(0x204, 1);
        }

        var other = new CountingDevice();
        Task<long> first = Run(0);
        Task<long> second = Run(1);
        do
        {
            using BusWindow window = machine.Partition.Ports.Map(0x300, 0x10, other);
            using BusWindow below = machine.Partition.Ports.Map(0x100, 0x10, other);
        }
        while (!first.IsCompleted || !second.IsCompleted);

        long unhandled = await first + await second;
        Assert.Equal(2 * rounds, steady.Writes);
        Assert.Equal(2 * rounds, other.Writes + unhandled);
        Assert.Equal(0, steady.WrongOffsets + other.WrongOffsets);

        Task<long> Run(int index) => machine.Partition.RunVcpuAsync(index, static (vcpu, token) =>
        {
            Assert.Equal(VcpuExitKind.Halt, vcpu.Run(token).Kind);
            return vcpu.Statistics.UnhandledWrites;
        });
    }

    private sealed class CountingDevice : IBusDevice
    {
        private int _writes;
        private int _wrongOffsets;

        public int Writes => _writes;

        public int WrongOffsets => _wrongOffsets;

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            Interlocked.Increment(ref _writes);
            if (offset != 4)
            {
                Interlocked.Increment(ref _wrongOffsets);
            }
        }
    }

    [Fact]
    public void TryMap_PlaceThatIsFree_Maps()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();

        Assert.True(machine.Partition.Mmio.TryMap(0xE000_0000, 0x1000, device, out BusWindow? window));

        Assert.Same(window, Assert.Single(machine.Partition.Mmio.Windows));
        window.Dispose();
        Assert.Empty(machine.Partition.Mmio.Windows);
    }

    [Fact]
    public void TryMap_PlaceThatIsNot_ChangesNothing()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0x10_0000, 0x1000);
        machine.Partition.Mmio.Map(0xE000_0000, 0x1000, new RecordingDevice());
        ulong end = 1UL << machine.Partition.Capabilities.GuestPhysicalAddressBits;
        foreach ((ulong address, ulong size) in ((ulong, ulong)[])[(0xE000_0FFF, 1), (0xDFFF_F000, 0x2000), (0x10_0800, 4), (end - 1, 2), (end, 1), (1, ulong.MaxValue)])
        {
            Assert.False(machine.Partition.Mmio.TryMap(address, size, new RecordingDevice(), out _));
        }

        Assert.Single(machine.Partition.Mmio.Windows);
    }

    [Fact]
    public void TryMap_PartitionDisposedOf_SaysNo()
    {
        ScriptedMachine machine = new();
        DeviceBus bus = machine.Partition.Mmio;
        machine.Dispose();

        Assert.False(bus.TryMap(0xE000_0000, 0x1000, new RecordingDevice(), out _));
    }
}
