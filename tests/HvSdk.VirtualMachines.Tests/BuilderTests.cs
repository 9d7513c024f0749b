using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>What the builder checks, and that it says everything at once.</summary>
public sealed class BuilderTests : IDisposable
{
    private readonly ScriptedMachines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Fact]
    public void Build_ManyMistakes_ListsThemAll()
    {
        MachineConfigurationException refusal = Refusal(VirtualMachine.CreateBuilder(_machines.Hypervisor)
            .WithMemory(12345)
            .WithProcessors(1000)
            .AddDevice(new SerialPort16550A())
            .AddDevice(new SerialPort16550A()));

        Assert.Equal(
            ["MemoryOptions.Size", "ProcessorOptions.Count", "nothing to boot", "ports 0x3F8", "interrupt line 4"],
            ((string[])["MemoryOptions.Size", "ProcessorOptions.Count", "nothing to boot", "ports 0x3F8", "interrupt line 4"])
                .Where(part => refusal.Problems.Any(problem => problem.Contains(part, StringComparison.Ordinal))));
        Assert.Empty(_machines.Backend.Partitions);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65)]
    public void Build_ProcessorsThatTheHostDoesNotGive_IsRefused(int count) =>
        Assert.Contains("1 to 64", Assert.Single(Refusal(_machines.CreateBuilder().WithProcessors(count)).Problems), StringComparison.Ordinal);

    [Fact]
    public void Build_KernelThatIsMissing_IsRefusedByName()
    {
        MachineConfigurationException refusal = Refusal(VirtualMachine.CreateBuilder(_machines.Hypervisor).BootLinux("/nowhere/vmlinuz"));

        Assert.Contains("/nowhere/vmlinuz", Assert.Single(refusal.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_KernelThatIsNone_IsRefusedByField()
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[4096]);

        MachineConfigurationException refusal = Refusal(VirtualMachine.CreateBuilder(_machines.Hypervisor).BootLinux(path));

        File.Delete(path);
        Assert.Contains("expected", Assert.Single(refusal.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_DeviceOfTheChipsPorts_IsRefused() =>
        Assert.Contains("the host's chips", Assert.Single(Refusal(_machines.CreateBuilder().AddDevice(new PortDevice(0x20))).Problems), StringComparison.Ordinal);

    [Fact]
    public void Build_SameDeviceTwice_IsRefused()
    {
        var device = new PortDevice(0x300);

        Assert.NotEmpty(Refusal(_machines.CreateBuilder().AddDevice(device).AddDevice(device)).Problems);
    }

    [Fact]
    public void Build_Twice_IsRefused()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder();
        builder.Build();

        Assert.Throws<InvalidOperationException>(() => builder.Build());
    }

    [Fact]
    public void Build_AfterARefusal_WorksOnceMended()
    {
        VirtualMachineBuilder builder = _machines.CreateBuilder().WithProcessors(0);
        Refusal(builder);

        builder.WithProcessors(1).Build();
    }

    [Fact]
    public void Build_HostWithoutSharedChips_TakesItsOwn()
    {
        using var machines = new ScriptedMachines(static backend =>
            backend.Capabilities = backend.Capabilities with { Features = backend.Capabilities.Features & ~HypervisorFeatures.FullInterruptController });

        machines.CreateBuilder().Build();
        Assert.Contains(
            "processors' own part only",
            Assert.Single(Refusal(machines.CreateBuilder().ConfigureBoard(static board => board.Chips = ChipPlacement.Host)).Problems),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Build_NotificationWithoutAcpi_IsRefused() =>
        Assert.Contains(
            "notify",
            Assert.Single(Refusal(_machines.CreateBuilder().ConfigureBoard(static board => board.Acpi = false).AddDevice(new VmGenerationId())).Problems),
            StringComparison.Ordinal);

    [Fact]
    public void Build_StrangersDevice_IsInTheTables()
    {
        VirtualMachine machine = _machines.CreateBuilder().AddDevice(new PortDevice(0x300)).Build();

        Assert.Equal(MemoryMapKind.Usable, machine.MemoryMap[0].Kind);
    }

    private static MachineConfigurationException Refusal(VirtualMachineBuilder builder) => Assert.Throws<MachineConfigurationException>(() => builder.Build());

    private sealed class PortDevice(ushort port) : IPlatformDevice, IBusDevice
    {
        public void Attach(IDeviceSlot slot)
        {
            slot.MapPorts(port, 1, this);
            slot.Acpi = new AcpiIdentity { HardwareId = "HVSD0001" };
        }

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
