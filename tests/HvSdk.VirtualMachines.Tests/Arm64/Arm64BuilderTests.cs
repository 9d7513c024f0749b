using HvSdk.Devices;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;

namespace HvSdk.VirtualMachines.Tests.Arm64;

/// <summary>What the builder makes and refuses where the host runs arm64 guests.</summary>
public sealed class Arm64BuilderTests : IDisposable
{
    private readonly Arm64Machines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Fact]
    public async Task Start_Machine_HasItsImageItsGicAndItsRegisters()
    {
        _machines.Backend.Vcpu(0).SystemEvent(SystemEventKind.PowerOff);
        await using VirtualMachine machine = _machines.CreateBuilder().AddDevice(new SerialPortPl011()).Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(MachineEndKind.PoweredOff, (await ScriptedMachines.EndOf(machine)).Kind);
        PartitionOptions options = Assert.Single(_machines.Backend.Partitions).Options;
        Assert.Equal(InterruptControllerMode.Full, options.InterruptController);
        Assert.Equal(new Arm64GicLayout(), options.Arm64.Gic);
        Assert.Equal([new Boot.MemoryMapEntry(0x4000_0000, 16 << 20, Boot.MemoryMapKind.Usable)], machine.MemoryMap);
        Assert.Equal(0x644D_5241U, machine.Partition.Memory.Read<uint>(0x4000_0038));
    }

    [Fact]
    public void Build_Devices_LieWhereBootLoadersExpectThem()
    {
        SerialPortPl011 console = new();
        var virtio = new VirtioMmio(new EntropyDevice());
        _machines.CreateBuilder().AddDevice(console).AddDevice(virtio).Build();
        Assert.Equal((0x0900_0000UL, 0), (console.Address, console.InterruptLine));
        Assert.Equal(0x0900_1000UL, virtio.Address);
    }

    [Fact]
    public void Build_DeviceWithAPlaceOfItsOwn_IsGoneAround()
    {
        SerialPortPl011 first = new() { Address = 0x0900_0000 };
        SerialPortPl011 second = new();
        _machines.CreateBuilder().AddDevice(first).AddDevice(second).Build();
        Assert.Equal(0x0900_1000UL, second.Address);
    }

    [Fact]
    public void AddVirtio_WithoutATransport_TakesWindowsInMemory()
    {
        var device = new EntropyDevice();
        _machines.CreateBuilder().AddVirtio(device).Build();
        Assert.Throws<InvalidOperationException>(() => new VirtioMmio(device)); // it has its transport
    }

    [Fact]
    public void Build_WhatAPcAloneHas_IsRefusedTogether()
    {
        MachineConfigurationException refusal = Refusal(_machines.CreateBuilder()
            .ConfigureBoard(static board =>
            {
                board.IntervalTimer = true;
                board.MultiprocessorTable = true;
                board.Pci = true;
                board.VirtioTransport = VirtioTransport.Pci;
            })
            .ConfigureProcessors(static processors => processors.ConfigureCpuid = static _ => { })
            .ConfigureFirmware(static _ => { })
            .AddDevice(new SerialPort16550A()));

        string[] expected = ["IntervalTimer", "MultiprocessorTable", "Pci", "VirtioTransport", "ConfigureCpuid", "ConfigureFirmware", "I/O ports"];
        Assert.Equal(expected, expected.Where(part => refusal.Problems.Any(problem => problem.Contains(part, StringComparison.Ordinal))));
        Assert.Empty(_machines.Backend.Partitions);
    }

    [Fact]
    public void Build_ImageForAPc_IsRefused() =>
        Assert.Contains("for X64", Assert.Single(Refusal(_machines.CreateBuilder().Boot(ScriptedMachines.OpenImage)).Problems), StringComparison.Ordinal);

    [Fact]
    public void Build_Arm64ImageOnAPc_IsRefused()
    {
        using ScriptedMachines pc = new();
        Assert.Contains("for Arm64", Assert.Single(Refusal(pc.CreateBuilder().Boot(Arm64Machines.OpenImage)).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_MemoryOfHalfAPage_NamesTheHostsPages() =>
        Assert.Contains("16 KiB", Assert.Single(Refusal(_machines.CreateBuilder().WithMemory((16 << 20) + 4096)).Problems), StringComparison.Ordinal);

    [Fact]
    public void Build_MoreMemoryThanAddresses_IsRefused() =>
        Assert.Contains("40 bits", Refusal(_machines.CreateBuilder().WithMemory(1UL << 40)).Problems[0], StringComparison.Ordinal);

    [Fact]
    public void Build_DeviceInTheGicsPlace_IsRefused() =>
        Assert.Contains(
            "the host's GIC", Assert.Single(Refusal(_machines.CreateBuilder().AddDevice(new SerialPortPl011 { Address = 0x080A_0000 })).Problems), StringComparison.Ordinal);

    [Fact]
    public void Build_HostWithoutAGic_TakesOursOrSaysSo()
    {
        using var without = new Arm64Machines(HypervisorFeatures.FullInterruptController);
        without.CreateBuilder().Build();
        MachineConfigurationException refusal = Refusal(without.CreateBuilder().ConfigureBoard(static board => board.Chips = ChipPlacement.Host));
        Assert.Contains("keeps no GIC", Assert.Single(refusal.Problems), StringComparison.Ordinal);

        using var neither = new Arm64Machines(HypervisorFeatures.FullInterruptController | HypervisorFeatures.RegisterExits);
        Assert.Contains("neither", Assert.Single(Refusal(neither.CreateBuilder()).Problems), StringComparison.Ordinal);
    }

    private static MachineConfigurationException Refusal(VirtualMachineBuilder builder) => Assert.Throws<MachineConfigurationException>(builder.Build);
}
