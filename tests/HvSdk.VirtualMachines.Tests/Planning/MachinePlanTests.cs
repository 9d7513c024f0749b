using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Planning;

public sealed class MachinePlanTests
{
    private static readonly IBusDevice s_device = new NullDevice();

    [Fact]
    public void AddWindow_OverlappingPorts_NamesBothOwners()
    {
        MachinePlan plan = Create();
        plan.AddWindow("one", BusSpace.Ports, 0x3F8, 8, s_device);
        plan.AddWindow("two", BusSpace.Ports, 0x3FF, 1, s_device);

        Assert.Contains("two asks for ports 0x3FF to 0x3FF, and one has ports 0x3F8 to 0x3FF", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void AddWindow_SameAddressOnTheOtherBus_IsNoConflict()
    {
        MachinePlan plan = Create();
        plan.AddWindow("one", BusSpace.Ports, 0xC000, 8, s_device);
        plan.AddWindow("two", BusSpace.Mmio, 0xE000_C000, 8, s_device);

        Assert.Empty(plan.Problems);
    }

    [Theory]
    [InlineData(BusSpace.Ports, 0xFFFF, 2)]
    [InlineData(BusSpace.Mmio, ulong.MaxValue, 2)]
    public void AddWindow_BeyondTheBus_IsAProblem(BusSpace space, ulong address, ulong size)
    {
        MachinePlan plan = Create();
        plan.AddWindow("one", space, address, size, s_device);

        Assert.Contains("beyond the last", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void AddWindow_InRam_IsAProblem()
    {
        MachinePlan plan = Create();
        plan.AddWindow("one", BusSpace.Mmio, 0x20_0000, 4096, s_device);

        Assert.Contains("there is RAM", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void AllocateMmio_SeveralSizes_AlignsEachAndOverlapsNone()
    {
        MachinePlan plan = Create();

        ulong[] addresses = [plan.AllocateMmio("one", 0x10, s_device), plan.AllocateMmio("two", 0x3000, s_device), plan.AllocateMmio("three", 0x1000, s_device)];

        Assert.Empty(plan.Problems);
        Assert.Equal(0UL, addresses[0] % 0x1000);
        Assert.Equal(0UL, addresses[1] % 0x4000);
        Assert.Equal(3, addresses.Distinct().Count());
    }

    [Fact]
    public void AllocateMmio_TooLarge_IsAProblem()
    {
        MachinePlan plan = Create();

        plan.AllocateMmio("one", 1UL << 31, s_device);

        Assert.Contains("are left", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void ConnectLine_TwoEdgeDevices_IsAProblem()
    {
        MachinePlan plan = Create();
        plan.ConnectLine("one", 4, InterruptSense.Edge);
        plan.ConnectLine("two", 4, InterruptSense.Level);

        Assert.Contains("two asks for interrupt line 4, and one has it", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void ConnectLine_TwoLevelDevices_ShareIt()
    {
        MachinePlan plan = Create();
        plan.ConnectLine("one", 10, InterruptSense.Level).Set(true);
        plan.ConnectLine("two", 10, InterruptSense.Level);
        var target = new RecordingLine();
        plan.Wires[10].Connect(target);

        Assert.Empty(plan.Problems);
        Assert.True(target.IsAsserted);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    public void ConnectLine_NumberThatIsNone_IsAProblem(int number)
    {
        MachinePlan plan = Create();
        plan.ConnectLine("one", number, InterruptSense.Edge);

        Assert.Contains("0 to 23", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void ConnectAnyLine_MoreLevelDevicesThanLines_ShareTheLast()
    {
        MachinePlan plan = Create();
        var numbers = new List<int>();
        for (int i = 0; i < 12; i++)
        {
            plan.ConnectAnyLine($"device {i}", InterruptSense.Level, out int number);
            numbers.Add(number);
        }

        Assert.Empty(plan.Problems);
        Assert.Equal(Enumerable.Range(16, 8), numbers.Take(8));
        Assert.All(numbers, static number => Assert.InRange(number, 16, 23));
    }

    [Fact]
    public void ConnectAnyLine_MoreEdgeDevicesThanLines_IsAProblem()
    {
        MachinePlan plan = Create();
        for (int i = 0; i < 9; i++)
        {
            plan.ConnectAnyLine($"device {i}", InterruptSense.Edge, out _);
        }

        Assert.Contains("none is free", Assert.Single(plan.Problems), StringComparison.Ordinal);
    }

    private static MachinePlan Create() => new("test", RamLayout.Create(new MemoryOptions(), new ScriptedBackend().Capabilities, []), MachineChips.LineCount, MachineSpace.Pc);

    private sealed class NullDevice : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
