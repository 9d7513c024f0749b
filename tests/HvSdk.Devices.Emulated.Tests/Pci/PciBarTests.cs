using HvSdk.Devices;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>Base address registers and the windows that they place (PCI 3.0, 6.2.5).</summary>
public sealed class PciBarTests
{
    private const ulong AllOnes = 0xFFFF_FFFF;

    [Theory]
    [InlineData(0x10, PciBarOptions.None, 0xFFFF_FFF0)]
    [InlineData(0x1000, PciBarOptions.Prefetchable, 0xFFFF_F008)]
    [InlineData(0x100_0000, PciBarOptions.None, 0xFF00_0000)]
    public void Bar_WrittenAllOnes_TellsItsSize(ulong size, PciBarOptions options, ulong expected)
    {
        using var rig = new PciRig(slot => slot.AddBar(2, size, new MemoryRegisters(16), options));
        ulong before = rig.Read(1, 0x18);

        rig.Write(1, 0x18, AllOnes);

        Assert.Equal(expected, rig.Read(1, 0x18));
        Assert.NotEqual(0UL, before & ~0xFUL); // it had a place
        Assert.Equal(0UL, rig.Read(1, 0x14)); // the others are not there
    }

    [Fact]
    public void WideBar_WrittenAllOnes_TellsItsSizeInTwoRegisters()
    {
        using var rig = new PciRig(
            new PciHostBridge { HighWindow = new PciMemoryWindow(0x10_0000_0000, 0x10_0000_0000) },
            static slot => slot.AddBar(0, 8UL << 30, new MemoryRegisters(16), PciBarOptions.Wide | PciBarOptions.Prefetchable));
        Assert.Equal(0x10_0000_000CUL, rig.Read(1, PciRig.Bar0, 8));

        rig.Write(1, PciRig.Bar0, ulong.MaxValue, 8);

        Assert.Equal(0xFFFF_FFFE_0000_000CUL, rig.Read(1, PciRig.Bar0, 8));
    }

    [Fact]
    public void Bars_OfSeveralDevices_HavePlacesThatDoNotOverlap()
    {
        Action<IPciSlot> device = static slot =>
        {
            slot.AddBar(0, 16, new MemoryRegisters(16));
            slot.AddBar(1, 0x1_0000, new MemoryRegisters(16));
            slot.AddBar(2, 0x4000, new MemoryRegisters(16), PciBarOptions.Wide);
        };
        using var rig = new PciRig(device, device, device);
        for (int i = 1; i <= 3; i++)
        {
            rig.Write(i, PciRig.Command, PciRig.MemorySpace, 2);
        }

        Assert.Equal(9, rig.Partition.Mmio.Windows.Count);
        Assert.All(rig.Partition.Mmio.Windows, window => Assert.True(window.Address % 4096 == 0 && rig.Bridge.LowWindow.Contains(window.Address, window.Size)));
    }

    [Fact]
    public void Window_MemorySpaceEnabledAndDisabled_ComesAndGoes()
    {
        var registers = new MemoryRegisters(0x1000);
        using var rig = new PciRig(slot => slot.AddBar(0, 0x1000, registers));
        ulong address = rig.Read(1, PciRig.Bar0);
        Assert.Null(rig.ReadMemory(address));

        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);
        rig.WriteMemory(address + 8, 0x1122_3344);

        Assert.Equal(0x44, registers.Bytes[8]);
        Assert.Equal(0x1122_3344UL, rig.ReadMemory(address + 8));

        rig.Write(1, PciRig.Command, 0, 2);
        Assert.Null(rig.ReadMemory(address));
    }

    [Fact]
    public void Window_MovedByTheGuest_AnswersAtItsNewPlace()
    {
        List<ulong?> moves = [];
        using var rig = new PciRig(slot =>
        {
            slot.AddBar(0, 0x1000, new MemoryRegisters(0x1000));
            slot.OnBarMapped(0, moves.Add);
        });
        ulong address = rig.Read(1, PciRig.Bar0);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Write(1, PciRig.Bar0, address + 0x10_0000);

        Assert.Null(rig.ReadMemory(address));
        Assert.Equal(0UL, rig.ReadMemory(address + 0x10_0000));
        rig.Bench.End();
        Assert.Equal([address, null, address + 0x10_0000, null], moves);
        Assert.Empty(rig.Partition.Mmio.Windows);
    }

    [Fact]
    public void WideWindow_MovedAbove4GiB_AnswersThere()
    {
        using var rig = new PciRig(
            new PciHostBridge { HighWindow = new PciMemoryWindow(0x10_0000_0000, 0x10_0000_0000) },
            static slot => slot.AddBar(4, 0x1000, new MemoryRegisters(0x1000), PciBarOptions.Wide));
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Write(1, 0x20, 0x12_3456_7000, 8);

        Assert.Equal(0UL, rig.ReadMemory(0x12_3456_7000));
    }

    [Theory]
    [InlineData(0x0000_0000)] // RAM
    [InlineData(0xFFFF_F000)] // what sizing leaves for a moment
    [InlineData(0xFEE0_0000)] // beyond the bridge's window
    public void Window_MovedWhereTheBridgePassesNothingOn_AnswersNowhere(ulong place)
    {
        using var rig = new PciRig(static slot => slot.AddBar(0, 0x1000, new MemoryRegisters(0x1000)));
        ulong address = rig.Read(1, PciRig.Bar0);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Write(1, PciRig.Bar0, place);
        Assert.Empty(rig.Partition.Mmio.Windows);

        rig.Write(1, PciRig.Bar0, address);
        Assert.Equal(0UL, rig.ReadMemory(address));
    }

    [Fact]
    public void Window_MovedOntoAnother_AnswersOnceThePlaceIsFree()
    {
        var other = new MemoryRegisters(0x1000);
        other.Bytes[0] = 2;
        using var rig = new PciRig(
            static slot => slot.AddBar(0, 0x1000, new MemoryRegisters(0x1000)),
            slot => slot.AddBar(0, 0x1000, other));
        ulong first = rig.Read(1, PciRig.Bar0);
        ulong second = rig.Read(2, PciRig.Bar0);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);
        rig.Write(2, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Write(2, PciRig.Bar0, first);
        Assert.Equal(0UL, rig.ReadMemory(first));
        Assert.Null(rig.ReadMemory(second));

        rig.Write(1, PciRig.Bar0, second);
        rig.Write(2, PciRig.Bar0, first);
        Assert.Equal(2UL, rig.ReadMemory(first));
        Assert.Equal(0UL, rig.ReadMemory(second));
    }

    [Fact]
    public void Windows_OfOneDeviceTradePlaces_InOneWrite()
    {
        var registers = new MemoryRegisters(0x1000);
        registers.Bytes[0] = 1;
        using var rig = new PciRig(slot =>
        {
            slot.AddBar(0, 0x1000, registers);
            slot.AddBar(1, 0x1000, new MemoryRegisters(0x1000));
        });
        ulong both = rig.Read(1, PciRig.Bar0, 8);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Write(1, PciRig.Bar0, (both >> 32) | (both << 32), 8);

        Assert.Equal(1UL, rig.ReadMemory(both >> 32));
        Assert.Equal(0UL, rig.ReadMemory((uint)both));
    }
}
