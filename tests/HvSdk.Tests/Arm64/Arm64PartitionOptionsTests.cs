using HvSdk.Testing;

namespace HvSdk.Tests.Arm64;

public sealed class Arm64PartitionOptionsTests
{
    public static TheoryData<string, PartitionOptions, string> Mistakes => new()
    {
        { "UnknownRegisters", With(static arm64 => arm64.UnknownRegisters = (Arm64UnknownRegisterPolicy)3), "3 is not a member of Arm64UnknownRegisterPolicy. Use Undefined" },
        { "DistributorAddress", Gic(new() { DistributorAddress = 0x800_1000 }), "0x8001000 is not a multiple of 64 KiB. Use 0x8000000" },
        { "DistributorAddress", Gic(new() { DistributorAddress = 1UL << 40 }), "needs 0x10000 bytes, and guest addresses have 40 bits here. Put it lower" },
        { "RedistributorAddress", Gic(new() { RedistributorAddress = (1UL << 40) - 0x1_0000 }), "needs 0x80000 bytes" },
        { "DistributorAddress", Gic(new() { DistributorAddress = 0x80B_0000 }), "overlaps RedistributorAddress 0x80A0000 (0x80000 bytes). Move one" },
        { "MsiFrame", Gic(new() { MsiFrame = new(0x802_0001, 0, 1) }), "is not a multiple of 64 KiB" },
        { "MsiFrame", Gic(new() { MsiFrame = new(0x800_0000, 0, 1) }), "overlaps DistributorAddress" },
        { "LineCount", Gic(new() { MsiFrame = new(0x802_0000, 20, 5) }), "asks for 5 lines from 20, and the host's GIC has 0 to 23" },
        { "LineCount", Gic(new() { MsiFrame = new(0x802_0000, 0, 0) }), "asks for 0 lines" },
        { "LineCount", Gic(new() { MsiFrame = new(0x802_0000, int.MaxValue, int.MaxValue) }), "Ask for 1 or more of these" },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Create_Mistake_NamesOptionValueReasonAndRemedy(string option, PartitionOptions options, string words)
    {
        ScriptedBackend backend = Backend();
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        ArgumentException e = Assert.ThrowsAny<ArgumentException>(() => hypervisor.CreatePartition(options));
        Assert.Equal(option, e.ParamName);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Empty(backend.Partitions);
    }

    [Fact]
    public void Create_OptionsOfOtherArchitecture_AreLeftAlone()
    {
        PartitionOptions options = new();
        options.X64.TscFrequency = 1;
        using Hypervisor hypervisor = Hypervisor.Open(Backend());
        hypervisor.CreatePartition(options).Dispose();
        PartitionOptions x64 = new() { InterruptController = InterruptControllerMode.Full };
        x64.Arm64.Gic = new() { DistributorAddress = 1 };
        using ScriptedMachine machine = new(x64);
    }

    [Fact]
    public void Create_PolicyWithoutRegisterExits_IsRefused()
    {
        ScriptedBackend backend = Backend();
        ScriptedMachine.Without(HypervisorFeatures.RegisterExits)(backend);
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => hypervisor.CreatePartition(With(static arm64 => arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.ReadZero)));
        Assert.Contains("RegisterExits", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MsiFrame_EachLine_HasItsMessage()
    {
        var frame = new Arm64MsiFrame(0x802_0000, 4, 2);
        Assert.Equal(new MsiMessage(0x802_0040, 37), frame.GetMessage(5));
        Assert.Contains("raises lines 4 to 5, and 6 is none", Assert.Throws<ArgumentOutOfRangeException>(() => frame.GetMessage(6)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => frame.GetMessage(3));
    }

    private static ScriptedBackend Backend()
    {
        var backend = new ScriptedBackend();
        backend.Capabilities = backend.Capabilities with { Architecture = GuestArchitecture.Arm64 };
        return backend;
    }

    private static PartitionOptions With(Action<Arm64PartitionOptions> configure)
    {
        PartitionOptions options = new() { InterruptController = InterruptControllerMode.Full, MaxVcpus = 4 };
        configure(options.Arm64);
        return options;
    }

    private static PartitionOptions Gic(Arm64GicLayout layout) => With(arm64 => arm64.Gic = layout);
}
