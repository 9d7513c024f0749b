using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>What the firmware configuration of a machine holds.</summary>
public sealed class FirmwareItemsTests : IDisposable
{
    private const ushort Selector = 0x510;
    private const ushort Data = 0x511;
    private readonly ScriptedMachines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Fact]
    public async Task ConfigureFirmware_AnyImage_GivesTheGuestTheItem()
    {
        _machines.Backend.Vcpu(0)
            .PortWrite(Selector, FirmwareConfigurationKey.BootMenu, sizeof(ushort))
            .PortRead(Data, out ScriptedAnswer item)
            .PortWrite(0xCF9, 0x06)
            .WaitForCancel();

        await RunAsync(_machines.CreateBuilder().ConfigureFirmware(static firmware => firmware.Add(FirmwareConfigurationKey.BootMenu, new byte[] { 0x5A })));

        Assert.Equal(0x5AUL, item.Value);
    }

    [Fact]
    public async Task Firmware_NothingConfigured_KnowsTheProcessors()
    {
        _machines.Backend.Vcpu(0)
            .PortWrite(Selector, FirmwareConfigurationKey.ProcessorCount, sizeof(ushort))
            .PortRead(Data, out ScriptedAnswer count)
            .PortWrite(0xCF9, 0x06)
            .WaitForCancel();
        _machines.Backend.Vcpu(1).WaitForCancel();

        await RunAsync(CreateFirmwareBuilder().WithProcessors(2));

        Assert.Equal(2UL, count.Value);
    }

    [Fact]
    public async Task OtherImage_NothingConfigured_HasNoDevice()
    {
        _machines.Backend.Vcpu(0).PortRead(Data, out ScriptedAnswer answer).PortWrite(0xCF9, 0x06).WaitForCancel();

        await RunAsync(_machines.CreateBuilder());

        Assert.Equal(0xFFUL, answer.Value);
    }

    [Fact]
    public void Build_ItemOfTheMachinesOwnName_IsRefused()
    {
        VirtualMachineBuilder builder = CreateFirmwareBuilder().ConfigureFirmware(static firmware => firmware.Add("etc/e820", new byte[1]));

        Assert.Contains("\"etc/e820\" is taken", Assert.Single(Assert.Throws<MachineConfigurationException>(builder.Build).Problems), StringComparison.Ordinal);
        Assert.Empty(_machines.Backend.Partitions);
    }

    private VirtualMachineBuilder CreateFirmwareBuilder() => _machines.CreateBuilder().Boot(static () => FirmwareImage.Read(BootFile.FromMemory(new byte[0x1000])));

    private static async Task RunAsync(VirtualMachineBuilder builder)
    {
        await using VirtualMachine machine = builder.Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await ScriptedMachines.EndOf(machine);
    }
}
