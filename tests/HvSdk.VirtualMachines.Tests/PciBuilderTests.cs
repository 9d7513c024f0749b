using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>How PCI devices join a machine, and what the builder says where they cannot.</summary>
public sealed class PciBuilderTests : IDisposable
{
    private const ulong EcamAddress = 0xE000_0000;

    private readonly ScriptedMachines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Fact]
    public void Build_PciDevice_BringsTheBusAndReservesItsConfigurationSpaces()
    {
        VirtualMachine machine = _machines.CreateBuilder().AddPciDevice(new Sounder()).Build();

        Assert.Contains(new MemoryMapEntry(EcamAddress, PciHostBridge.EcamSize, MemoryMapKind.Reserved), machine.MemoryMap);
    }

    [Fact]
    public void Build_NothingOfPci_HasNoBus() =>
        Assert.DoesNotContain(_machines.CreateBuilder().Build().MemoryMap, static entry => entry.Address == EcamAddress);

    [Fact]
    public void Build_BusAlone_IsThere()
    {
        VirtualMachine machine = _machines.CreateBuilder().ConfigureBoard(static board => board.Pci = true).Build();

        Assert.Contains(machine.MemoryMap, static entry => entry.Address == EcamAddress);
    }

    [Fact]
    public void Build_MapWithRamAbove4GiB_IsByAddress()
    {
        VirtualMachine machine = _machines.CreateBuilder().WithMemory(5UL << 30).AddPciDevice(new Sounder()).Build();

        Assert.Equal(machine.MemoryMap.Select(static entry => entry.Address).Order(), machine.MemoryMap.Select(static entry => entry.Address));
    }

    [Fact]
    public void Build_AsManyDevicesAsSlots_Works()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder();
        for (int i = 0; i < PciHostBridge.SlotCount; i++)
        {
            builder.AddPciDevice(new Sounder());
        }

        builder.Build();
    }

    [Fact]
    public void Build_MoreDevicesThanSlots_IsRefused()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder();
        for (int i = 0; i <= PciHostBridge.SlotCount; i++)
        {
            builder.AddPciDevice(new Sounder());
        }

        Assert.Contains("32 devices were added to the PCI bus, and it has 31 slots", Assert.Single(Refusal(builder).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_WindowThatHasNoRoom_IsRefusedByName()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder().AddPciDevice(new Sounder { WindowSize = 512 << 20 }, "sounder");

        Assert.Contains("sounder: base address register 0 asks for 0x20000000 bytes", Assert.Single(Refusal(builder).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_OtherDevicesInTheWay_LeaveTheBusTheRest()
    {
        VirtualMachine machine = _machines.CreateBuilder().AddDevice(new Window(0xE000_0000, 0x1000)).AddPciDevice(new Sounder()).Build();

        Assert.Contains(new MemoryMapEntry(0xE010_0000, PciHostBridge.EcamSize, MemoryMapKind.Reserved), machine.MemoryMap);
    }

    [Fact]
    public void Build_OtherDevicesTakeAll_IsRefused()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder().AddDevice(new Window(0xE000_0000, 0x1EB0_0000)).AddPciDevice(new Sounder());

        Assert.Contains(Refusal(builder).Problems, static problem => problem.Contains("The PCI bus needs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Dispose_OfTheMachine_DisposesOfItsPciDevices()
    {
        var sounder = new Sounder();
        await using (_machines.CreateBuilder().AddPciDevice(sounder).Build())
        {
            Assert.False(sounder.IsDisposed);
        }

        Assert.True(sounder.IsDisposed);
    }

    private static MachineConfigurationException Refusal(VirtualMachineBuilder builder) => Assert.Throws<MachineConfigurationException>(() => builder.Build());

    private sealed class Sounder : IPciDevice, IBusDevice, IDisposable
    {
        public ulong WindowSize { get; init; } = 0x1000;

        public bool IsDisposed { get; private set; }

        public void Attach(IPciSlot slot)
        {
            slot.Identify(new PciIdentity { VendorId = 0x1234, DeviceId = 0x5678, ClassCode = 0x04_01_00 });
            slot.AddBar(0, WindowSize, this);
            slot.UseMsiX(2, 1);
            slot.ConnectInterruptPin();
        }

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }

        public void Dispose() => IsDisposed = true;
    }

    private sealed class Window(ulong address, ulong size) : IPlatformDevice, IBusDevice
    {
        public void Attach(IDeviceSlot slot) => slot.MapMmio(address, size, this);

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
