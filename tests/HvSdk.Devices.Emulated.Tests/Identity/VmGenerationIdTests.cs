using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Identity;

/// <summary>The generation ID (Microsoft, Virtual Machine Generation ID, 2012).</summary>
public sealed class VmGenerationIdTests
{
    private static readonly Guid s_first = new("324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87");
    private static readonly Guid s_second = new("fb6b3a5c-0000-4bf6-8f41-b9bb6c91fb87");

    private readonly DeviceBench _bench = new();
    private readonly VmGenerationId _generation = new() { Id = s_first };

    public VmGenerationIdTests()
    {
        _bench.Attach(_generation);
    }

    [Fact]
    public void Attach_Identity_IsThatOfTheSpecification()
    {
        ulong address = _generation.Address!.Value;

        Assert.Equal(0UL, address % 4096);
        Assert.Contains("VM_Gen_Counter", _bench.Acpi!.CompatibleIds);
        Assert.Equal(AcpiValue.Of("VM_Gen_Counter"), _bench.Acpi.Objects.Single(static entry => entry.Key == "_DDN").Value);
        var package = Assert.IsType<AcpiValue.List>(_bench.Acpi.Objects.Single(static entry => entry.Key == "ADDR").Value);
        Assert.Equal([AcpiValue.Of(address & uint.MaxValue), AcpiValue.Of(address >> 32)], package.Elements);
    }

    [Fact]
    public void Connect_Memory_HoldsTheId()
    {
        using var machine = new Machine();
        _bench.Connect(machine.Partition);

        Assert.Equal(s_first, machine.Read(_generation.Address!.Value));
        Assert.False(_bench.Notification!.IsAsserted);
        Assert.Equal(0, _bench.Notification.Edges);
    }

    [Fact]
    public void Change_Running_WritesAndNotifies()
    {
        using var machine = new Machine();
        _bench.Connect(machine.Partition);

        _generation.Change(s_second);

        Assert.Equal(s_second, machine.Read(_generation.Address!.Value));
        Assert.Equal(s_second, _generation.Id);
        Assert.Equal(1, _bench.Notification!.Edges);
        Assert.False(_bench.Notification.IsAsserted);
    }

    [Fact]
    public void Change_BeforeTheMachine_IsWhatItStartsWith()
    {
        using var machine = new Machine();
        _generation.Change(s_second);
        _bench.Connect(machine.Partition);

        Assert.Equal(s_second, machine.Read(_generation.Address!.Value));
        Assert.Equal(0, _bench.Notification!.Edges);
    }

    [Fact]
    public void Change_AfterTheMachine_DoesNoHarm()
    {
        var machine = new Machine();
        _bench.Connect(machine.Partition);
        machine.Dispose();

        _generation.Change(s_second);

        Assert.Equal(0, _bench.Notification!.Edges);
    }

    [Fact]
    public void LoadState_Id_IsWrittenWithoutNotice()
    {
        using var machine = new Machine();
        _bench.Connect(machine.Partition);

        _generation.LoadState(new VmGenerationId { Id = s_second }.SaveState());

        Assert.Equal(s_second, machine.Read(_generation.Address!.Value));
        Assert.Equal(0, _bench.Notification!.Edges);
    }

    [Fact]
    public void Connect_Unaligned_IsRefused()
    {
        using var machine = new Machine();

        Assert.Throws<ArgumentException>(() => new VmGenerationId().Connect(machine.Partition.Memory, 0x10_0004));
    }

    /// <summary>A partition of the scripted backend with memory where the bench reserves it.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly Hypervisor _hypervisor = Hypervisor.Open(new ScriptedBackend());

        internal Machine()
        {
            Partition = _hypervisor.CreatePartition();
            Partition.Memory.Map(0, 0x20_0000);
        }

        internal Partition Partition { get; }

        public void Dispose()
        {
            Partition.Dispose();
            _hypervisor.Dispose();
        }

        internal Guid Read(ulong address)
        {
            byte[] bytes = new byte[16];
            Partition.Memory.Read(address, bytes);
            return new Guid(bytes);
        }
    }
}
