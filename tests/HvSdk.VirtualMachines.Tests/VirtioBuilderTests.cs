using System.Globalization;
using System.Text;
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

    [Theory]
    [InlineData("", "virtio_mmio.device=4K@0x{0:x}:{1} virtio_mmio.device=4K@0x{2:x}:{3}")]
    [InlineData("quiet a=\"b  c\"", "quiet a=\"b  c\" virtio_mmio.device=4K@0x{0:x}:{1} virtio_mmio.device=4K@0x{2:x}:{3}")]
    [InlineData("quiet -- shell", "quiet virtio_mmio.device=4K@0x{0:x}:{1} virtio_mmio.device=4K@0x{2:x}:{3} -- shell")]
    public async Task Start_WithKernelParameters_NamesEachMmioDeviceOnTheCommandLine(string given, string expected)
    {
        const ulong startInformation = 24; // where the command line's address is in what PVH gives the kernel
        _machines.Backend.Vcpu(0).WaitForCancel();
        VirtioMmio[] transports = [new(new EntropyDevice()), new(new EntropyDevice())];
        await using VirtualMachine machine = _machines.CreateBuilder()
            .ConfigureBoard(static board => (board.Acpi, board.VirtioKernelParameters) = (false, true))
            .AddDevice(transports[0])
            .AddDevice(transports[1])
            .Boot(() => TinyKernel.Open(given))
            .Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await machine.PauseAsync(TestContext.Current.CancellationToken);

        ulong information = await machine.InvokeOnProcessorAsync(0, static vcpu => vcpu.X64.GetRegisters().Rbx);
        byte[] text = new byte[256];
        machine.Partition.Memory.Read(machine.Partition.Memory.Read<ulong>(information + startInformation), text);
        object[] values = [.. transports.SelectMany(static transport => new object[] { transport.Address!, transport.KernelParameter!.Split(':')[1] })];
        Assert.Equal(string.Format(CultureInfo.InvariantCulture, expected, values), Encoding.ASCII.GetString(text, 0, Array.IndexOf(text, (byte)0)));
    }

    [Theory]
    [InlineData(true, "Turn Acpi off")]
    [InlineData(false, "no Linux kernel")]
    public void Build_KernelParametersOfNoUse_AreRefused(bool hasAcpi, string expected)
    {
        MachineConfigurationException exception = Assert.Throws<MachineConfigurationException>(
            () => _machines.CreateBuilder().ConfigureBoard(board => (board.Acpi, board.VirtioKernelParameters) = (hasAcpi, true)).Build());

        Assert.Contains(expected, Assert.Single(exception.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_TransportThatIsNone_IsRefused()
    {
        MachineConfigurationException exception = Assert.Throws<MachineConfigurationException>(
            () => _machines.CreateBuilder().ConfigureBoard(static board => board.VirtioTransport = (VirtioTransport)7).Build());

        Assert.Contains("VirtioTransport", Assert.Single(exception.Problems), StringComparison.Ordinal);
    }
}
