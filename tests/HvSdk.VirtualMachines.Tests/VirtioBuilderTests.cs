using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>How paravirtual devices join a machine, and what the builder says where they cannot.</summary>
public sealed class VirtioBuilderTests : IDisposable
{
    private readonly ScriptedMachines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Theory]
    [InlineData(VirtioTransport.Pci)]
    [InlineData(VirtioTransport.Mmio)]
    public void Build_VirtioDevice_HasThePciBusWhereThatIsItsTransport(VirtioTransport transport)
    {
        VirtualMachine machine = _machines.CreateBuilder().AddVirtio(new EntropyDevice()).ConfigureBoard(board => board.VirtioTransport = transport).Build();

        Assert.Equal(transport == VirtioTransport.Pci, machine.MemoryMap.Contains(new MemoryMapEntry(0xE000_0000, PciHostBridge.EcamSize, MemoryMapKind.Reserved)));
    }

    [Fact]
    public void Build_VirtioDeviceTwice_IsRefused()
    {
        var device = new EntropyDevice();

        MachineConfigurationException exception = Assert.Throws<MachineConfigurationException>(
            () => _machines.CreateBuilder().AddVirtio(device, "first").AddVirtio(device, "second").Build());

        Assert.Contains("second", Assert.Single(exception.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_TransportThatIsNone_IsRefused()
    {
        MachineConfigurationException exception = Assert.Throws<MachineConfigurationException>(
            () => _machines.CreateBuilder().ConfigureBoard(static board => board.VirtioTransport = (VirtioTransport)7).Build());

        Assert.Contains("VirtioTransport", Assert.Single(exception.Problems), StringComparison.Ordinal);
    }
}
