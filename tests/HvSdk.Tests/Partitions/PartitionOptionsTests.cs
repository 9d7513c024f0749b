using HvSdk.Testing;

namespace HvSdk.Tests.Partitions;

public sealed class PartitionOptionsTests
{
    public static TheoryData<string, PartitionOptions, string> Mistakes
    {
        get
        {
            var data = new TheoryData<string, PartitionOptions, string>
            {
                { "MaxVcpus", new() { MaxVcpus = 0 }, "1 to 64 vCPUs on Scripted, and 0 were asked for. Set" },
                { "MaxVcpus", new() { MaxVcpus = 65 }, "1 to 64 vCPUs on Scripted, and 65 were asked for. Set" },
                { "MaxVcpus", new() { MaxVcpus = -1 }, "and -1 were asked for" },
                { "InterruptController", new() { InterruptController = (InterruptControllerMode)7 }, "7 is not a member of InterruptControllerMode. Use None" },
                { "TimerChip", With(static x64 => x64.TimerChip = true), "needs InterruptControllerMode.Full, and this is None. Set PartitionOptions.InterruptController" },
                { "TscFrequency", With(static x64 => x64.TscFrequency = 999_999), "at 1000000 Hz or more, and 999999 were asked for. Set hertz" },
                { "MsrExits", Exits(new X64MsrRange(0x10, 0)), "the one at 0x10 holds 0. Split it" },
                { "MsrExits", Exits(new X64MsrRange(0x10, 0x3001)), "holds 1 to 0x3000 of them, and the one at 0x10 holds 12289" },
                { "MsrExits", Exits(new X64MsrRange(0xFFFF_FFFF, 2)), "the one at 0xFFFFFFFF holds 2" },
                { "MsrExits", Exits(new X64MsrRange(0x10, 1, X64MsrAccess.None)), "the range of MSRs at 0x10 asks for no access. Use Read, Write or ReadWrite" },
                { "MsrExits", Exits(new X64MsrRange(0x10, 1, (X64MsrAccess)4)), "asks for no access" },
                { "MsrExits", Exits(new X64MsrRange(0x7FF, 2)), "at 0x7FF holds the local APIC's (0x800 to 0x8FF), which no host lets go. Leave them out" },
                { "MsrExits", Exits(new X64MsrRange(0x8FF, 1)), "Leave them out" },
                { "MsrExits", Exits([.. Enumerable.Range(0, 17).Select(static i => new X64MsrRange((uint)i * 2, 1))]), "17 ranges of MSRs were given, and 16 can be. Join some" },
            };
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Create_Mistake_NamesOptionValueReasonAndRemedy(string option, PartitionOptions options, string words)
    {
        var backend = new ScriptedBackend();
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        ArgumentException e = Assert.ThrowsAny<ArgumentException>(() => hypervisor.CreatePartition(options));
        Assert.Equal(option, e.ParamName);
        Assert.Contains(words, e.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(backend.Partitions);
    }

    [Fact]
    public void Create_NameNull_IsRefused()
    {
        using Hypervisor hypervisor = Hypervisor.Open(new ScriptedBackend());
        Assert.Throws<ArgumentNullException>(() => hypervisor.CreatePartition(new() { Name = null! }));
    }

    public static TheoryData<HypervisorFeatures, PartitionOptions> Needs => new()
    {
        { HypervisorFeatures.FullInterruptController, new() { InterruptController = InterruptControllerMode.Full } },
        { HypervisorFeatures.PerVcpuInterruptController, new() { InterruptController = InterruptControllerMode.PerVcpu } },
        { HypervisorFeatures.HypercallExits, new() { ExitOnHypercall = true } },
        { HypervisorFeatures.RegisterExits, Exits(new X64MsrRange(0x10, 1)) },
        { HypervisorFeatures.RegisterExits, With(static x64 => x64.ExitOnUnknownMsr = true) },
        { HypervisorFeatures.TimerChip, With(static x64 => x64.TimerChip = true, InterruptControllerMode.Full) },
        { HypervisorFeatures.CounterFrequencyControl, With(static x64 => x64.TscFrequency = 1_000_000) },
    };

    [Theory]
    [MemberData(nameof(Needs), DisableDiscoveryEnumeration = true)]
    public void Create_FeatureAbsent_IsRefusedByNameAndElseTaken(HypervisorFeatures feature, PartitionOptions options)
    {
        var backend = new ScriptedBackend();
        using Hypervisor with = Hypervisor.Open(backend);
        with.CreatePartition(options).Dispose();
        ScriptedMachine.Without(feature)(backend);
        using Hypervisor without = Hypervisor.Open(backend);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => without.CreatePartition(options));
        Assert.Contains($"Scripted on this machine (a script of exits) does not offer {feature}. Ask HypervisorCapabilities.Supports before", e.Message, StringComparison.Ordinal);
        Assert.Single(backend.Partitions);
    }

    [Fact]
    public void Create_OptionsChangedAfter_ChangesNothing()
    {
        var options = new PartitionOptions { Name = "first", MaxVcpus = 2, ExitOnHypercall = true };
        options.X64.MsrExits.Add(new(0x10, 1));
        using ScriptedMachine machine = new(options);
        options.Name = "second";
        options.MaxVcpus = 9;
        options.X64.MsrExits.Clear();
        Assert.Equal(("first", 2, true), (machine.Partition.Name, machine.Record.Options.MaxVcpus, machine.Record.Options.ExitOnHypercall));
        Assert.Single(machine.Record.Options.X64.MsrExits);
    }

    [Fact]
    public void Create_ConfigureCpuid_EditsACopyOnce()
    {
        int calls = 0;
        PartitionOptions options = new();
        options.X64.ConfigureCpuid = table =>
        {
            calls++;
            table.Set(new(0x4000_0000, null, 1, 2, 3, 4));
        };
        using ScriptedMachine machine = new(options);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.True(vcpu.X64.GetCpuid().TryGet(0x4000_0000, 7, out X64CpuidEntry entry));
        Assert.Equal(3U, entry.Ecx);
        Assert.False(machine.Hypervisor.X64.GetSupportedCpuid().TryGet(0x4000_0000, 0, out _));
        Assert.Equal(1, calls);
        Assert.Contains(X64MsrIndex.Efer, machine.Hypervisor.X64.GetMsrIndexes());
    }

    [Fact]
    public void Create_HostRefuses_ReachesTheCaller()
    {
        var backend = new ScriptedBackend();
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        backend.FailNext(ScriptedOperation.CreatePartition);
        Assert.Throws<HypervisorException>(() => hypervisor.CreatePartition());
        hypervisor.CreatePartition().Dispose();
    }

    [Fact]
    public void X64_OnAHostOfAnotherArchitecture_IsRefused()
    {
        using ScriptedMachine machine = new(null, static backend => backend.Capabilities = backend.Capabilities with { Architecture = GuestArchitecture.Arm64 });
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Contains("Arm64", Assert.Throws<NotSupportedException>(() => vcpu.X64).Message, StringComparison.Ordinal);
        Assert.Contains("Arm64", Assert.Throws<NotSupportedException>(() => machine.Hypervisor.X64).Message, StringComparison.Ordinal);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    private static PartitionOptions With(Action<X64PartitionOptions> set, InterruptControllerMode mode = InterruptControllerMode.None)
    {
        var options = new PartitionOptions { InterruptController = mode };
        set(options.X64);
        return options;
    }

    private static PartitionOptions Exits(params X64MsrRange[] ranges) => With(x64 => Array.ForEach(ranges, x64.MsrExits.Add));
}
