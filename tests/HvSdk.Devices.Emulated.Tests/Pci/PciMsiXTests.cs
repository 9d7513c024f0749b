using HvSdk.Devices;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>MSI-X: the capability, the table, masks and pending bits (PCI 3.0, 6.8.2).</summary>
public sealed class PciMsiXTests
{
    private const int Vectors = 70;
    private const int Enable = 1 << 15;
    private const int FunctionMask = 1 << 14;
    private const ulong Pending = 0x800;

    [Fact]
    public void Capability_OfMsiX_TellsSizeTableAndPendingBits()
    {
        using var rig = new PciRig(static slot => slot.UseMsiX(Vectors, 3));
        int capability = (int)rig.Read(1, PciRig.CapabilitiesPointer, 1);

        Assert.Equal(0x0045_0011UL, rig.Read(1, capability));
        Assert.Equal(3UL, rig.Read(1, capability + 4));
        Assert.Equal(Pending | 3, rig.Read(1, capability + 8));
        rig.Write(1, capability, 0xFFFF_FFFF);
        Assert.Equal(0xC045_0011UL, rig.Read(1, capability));
    }

    [Theory]
    [InlineData(1, 0x1000)]
    [InlineData(128, 0x1000)]
    [InlineData(129, 0x2000)]
    [InlineData(2048, 0x1_0000)]
    public void Window_OfMsiX_HoldsTableAndPendingBits(int vectors, ulong size)
    {
        using var rig = new PciRig(slot => slot.UseMsiX(vectors, 0));
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        Assert.Equal(size, Assert.Single(rig.Partition.Mmio.Windows).Size);
    }

    [Fact]
    public void Table_AtFirst_IsMasked()
    {
        using var machine = new Machine();

        Assert.Equal(1UL, machine.Rig.ReadMemory(machine.Table + 12));
        Assert.Equal(1UL, machine.Rig.ReadMemory(machine.Table + (16 * (Vectors - 1)) + 12));
        Assert.True(machine.Messages.IsMasked(0));
        Assert.Equal(Vectors, machine.Messages.Count);
    }

    [Fact]
    public void Signal_VectorThatIsNotMasked_SendsItsMessage()
    {
        using var machine = new Machine();
        machine.Set(3, 0xFEE0_1000, 0x41);
        machine.Control(Enable);

        Assert.True(machine.Messages.Signal(3));

        Assert.Equal([new MsiMessage(0xFEE0_1000, 0x41)], machine.Rig.Messages);
        Assert.False(machine.Messages.IsMasked(3));
        Assert.False(machine.Messages.IsPending(3));
    }

    [Fact]
    public void Signal_MsiXDisabled_DoesNothing()
    {
        using var machine = new Machine();
        machine.Set(3, 0xFEE0_0000, 0x41);

        Assert.False(machine.Messages.Signal(3));
        machine.Control(Enable);

        Assert.Empty(machine.Rig.Messages);
        Assert.False(machine.Messages.IsPending(3));
    }

    [Fact]
    public void Signal_VectorMasked_IsPendingUntilItIsNot()
    {
        using var machine = new Machine();
        machine.Set(67, 0xFEE0_0000, 0x42, masked: true);
        machine.Control(Enable);

        Assert.True(machine.Messages.Signal(67));
        Assert.True(machine.Messages.Signal(67));
        Assert.Empty(machine.Rig.Messages);
        Assert.True(machine.Messages.IsPending(67));
        Assert.Equal(1UL << 3, machine.Rig.ReadMemory(machine.Table + Pending + 8, 8));

        machine.Rig.WriteMemory(machine.Table + (67 * 16) + 12, 0);
        Assert.Equal([new MsiMessage(0xFEE0_0000, 0x42)], machine.Rig.Messages);
        Assert.Equal(0UL, machine.Rig.ReadMemory(machine.Table + Pending + 8, 8));
    }

    [Fact]
    public void Signal_FunctionMasked_IsPendingUntilItIsNot()
    {
        using var machine = new Machine();
        machine.Set(0, 0xFEE0_0000, 0x50);
        machine.Set(64, 0xFEE0_0000, 0x51);
        machine.Set(65, 0xFEE0_0000, 0x52, masked: true);
        machine.Control(Enable | FunctionMask);
        machine.Messages.Signal(64);
        machine.Messages.Signal(65);
        machine.Messages.Signal(0);
        Assert.Empty(machine.Rig.Messages);

        machine.Control(Enable);

        Assert.Equal([new(0xFEE0_0000, 0x50), new(0xFEE0_0000, 0x51)], machine.Rig.Messages);
        Assert.True(machine.Messages.IsPending(65));
    }

    [Fact]
    public void Signal_NotBusMaster_IsPendingUntilItIs()
    {
        using var machine = new Machine();
        machine.Set(1, 0xFEE0_0000, 0x60);
        machine.Control(Enable);
        machine.Rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);
        machine.Messages.Signal(1);
        Assert.Empty(machine.Rig.Messages);

        machine.Rig.Write(1, PciRig.Command, PciRig.MemorySpace | PciRig.BusMaster, 2);

        Assert.Equal([new MsiMessage(0xFEE0_0000, 0x60)], machine.Rig.Messages);
    }

    [Fact]
    public void Pending_MsiXDisabled_IsForgotten()
    {
        using var machine = new Machine();
        machine.Set(1, 0xFEE0_0000, 0x60, masked: true);
        machine.Control(Enable);
        machine.Messages.Signal(1);

        machine.Control(0);
        machine.Control(Enable);
        machine.Set(1, 0xFEE0_0000, 0x60);

        Assert.Empty(machine.Rig.Messages);
    }

    [Theory]
    [InlineData(0x0000_1000)]
    [InlineData(0x1_FEE0_0000)]
    [InlineData(0xFEF0_0000)]
    public void Signal_AddressThatIsNoProcessors_Vanishes(ulong address)
    {
        using var machine = new Machine();
        machine.Set(1, address, 0x60);
        machine.Control(Enable);

        Assert.True(machine.Messages.Signal(1));

        Assert.Empty(machine.Rig.Messages);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(Vectors)]
    [InlineData(int.MaxValue)]
    public void Signal_VectorThatIsNotThere_IsIgnored(int vector)
    {
        using var machine = new Machine();
        machine.Control(Enable);

        Assert.False(machine.Messages.Signal(vector));
        Assert.True(machine.Messages.IsMasked(vector));
        Assert.False(machine.Messages.IsPending(vector));
    }

    [Fact]
    public void Table_ReservedBitsAndPendingBits_AreReadOnly()
    {
        using var machine = new Machine();
        machine.Rig.WriteMemory(machine.Table + 8, ulong.MaxValue, 8);
        machine.Rig.WriteMemory(machine.Table + Pending, ulong.MaxValue, 8);

        Assert.Equal(0x1_FFFF_FFFFUL, machine.Rig.ReadMemory(machine.Table + 8, 8));
        Assert.Equal(0UL, machine.Rig.ReadMemory(machine.Table + Pending, 8));
    }

    [Fact]
    public void Signal_MachineHasEnded_SendsNothing()
    {
        using var machine = new Machine();
        machine.Set(1, 0xFEE0_0000, 0x60);
        machine.Control(Enable);
        machine.Rig.Bench.End();

        machine.Messages.Signal(1);

        Assert.Empty(machine.Rig.Messages);
    }

    /// <summary>A device of MSI-X, its windows enabled, that may send.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly int _capability;

        public Machine()
        {
            IPciMessages? messages = null;
            Rig = new PciRig(slot => messages = slot.UseMsiX(Vectors, 1));
            Messages = messages!;
            Table = Rig.Read(1, 0x14);
            _capability = (int)Rig.Read(1, PciRig.CapabilitiesPointer, 1);
            Rig.Write(1, PciRig.Command, PciRig.MemorySpace | PciRig.BusMaster, 2);
        }

        public PciRig Rig { get; }

        public IPciMessages Messages { get; }

        public ulong Table { get; }

        public void Control(int value) => Rig.Write(1, _capability + 2, (ulong)value, 2);

        public void Set(int vector, ulong address, uint data, bool masked = false)
        {
            ulong entry = Table + ((ulong)vector * 16);
            Rig.WriteMemory(entry, address, 8);
            Rig.WriteMemory(entry + 8, data);
            Rig.WriteMemory(entry + 12, masked ? 1u : 0);
        }

        public void Dispose() => Rig.Dispose();
    }
}
