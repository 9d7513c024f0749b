namespace HvSdk.Tests.Debugging;

public sealed class VcpuDebugOptionsTests
{
    [Fact]
    public void SetDebug_Valid_ReachesTheHost()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        VcpuDebugOptions options = new()
        {
            SingleStep = true,
            SoftwareBreakpoints = true,
            HardwareBreakpoints = [new(0x1001), new(0x1008, HardwareBreakpointKind.Write, 8), new(0x1002, HardwareBreakpointKind.ReadWrite, 2), new(0, HardwareBreakpointKind.Write)],
        };
        vcpu.SetDebug(options);
        Assert.Same(options, machine.Script.Debugging);
        vcpu.SetDebug(VcpuDebugOptions.None);
        Assert.Same(VcpuDebugOptions.None, machine.Script.Debugging);
        Assert.Throws<ArgumentNullException>(() => vcpu.SetDebug(null!));
        Assert.Throws<ArgumentNullException>(() => vcpu.SetDebug(new() { HardwareBreakpoints = null! }));
    }

    [Theory]
    [InlineData(0x1000UL, HardwareBreakpointKind.Execute, 2, "kind Execute cannot watch 2 bytes. Use 1 to execute")]
    [InlineData(0x1000UL, HardwareBreakpointKind.Write, 3, "kind Write cannot watch 3 bytes")]
    [InlineData(0x1000UL, HardwareBreakpointKind.ReadWrite, 0, "cannot watch 0 bytes")]
    [InlineData(0x1000UL, HardwareBreakpointKind.ReadWrite, 16, "cannot watch 16 bytes")]
    [InlineData(0x1001UL, HardwareBreakpointKind.Write, 2, "at 0x1001 watches 2 bytes and must be aligned")]
    [InlineData(0x1004UL, HardwareBreakpointKind.Write, 8, "at 0x1004 watches 8 bytes and must be aligned")]
    [InlineData(0x1000UL, (HardwareBreakpointKind)9, 1, "9 is not a member of HardwareBreakpointKind")]
    public void SetDebug_BreakpointThatCannotBe_IsRefused(ulong address, HardwareBreakpointKind kind, int length, string words)
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        ArgumentException e = Assert.Throws<ArgumentException>(() => vcpu.SetDebug(new() { HardwareBreakpoints = [new(address, kind, length)] }));
        Assert.Equal("HardwareBreakpoints", e.ParamName);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Same(VcpuDebugOptions.None, machine.Script.Debugging);
    }

    [Fact]
    public void SetDebug_TooManyBreakpoints_NamesBothNumbers()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        HardwareBreakpoint[] five = [.. Enumerable.Range(0, 5).Select(static i => new HardwareBreakpoint((ulong)i))];
        ArgumentException e = Assert.Throws<ArgumentException>(() => vcpu.SetDebug(new() { HardwareBreakpoints = five }));
        Assert.Contains("5 hardware breakpoints were asked for, and Scripted has 4. Set fewer", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HypervisorFeatures.SingleStep)]
    [InlineData(HypervisorFeatures.SoftwareBreakpoints)]
    [InlineData(HypervisorFeatures.HardwareBreakpoints)]
    public void SetDebug_FeatureAbsent_IsRefusedByName(HypervisorFeatures feature)
    {
        using ScriptedMachine machine = new(null, ScriptedMachine.Without(feature));
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        VcpuDebugOptions options = new()
        {
            SingleStep = feature == HypervisorFeatures.SingleStep,
            SoftwareBreakpoints = feature == HypervisorFeatures.SoftwareBreakpoints,
            HardwareBreakpoints = feature == HypervisorFeatures.HardwareBreakpoints ? [new(0)] : [],
        };
        Assert.Contains($"does not offer {feature}.", Assert.Throws<NotSupportedException>(() => vcpu.SetDebug(options)).Message, StringComparison.Ordinal);
        vcpu.SetDebug(VcpuDebugOptions.None);
    }
}
