using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Counters: our own for each kind of exit, and the host's where it keeps any.</summary>
public sealed class HostStatisticsTests
{
    // Writes the device's register, reads it, and stops.
    private static readonly TestProgram s_program = Guest.Program(static g =>
    {
        g.Out(1);
        g.In(1);
        g.End();
    });

    [Fact]
    public void HostStatistics_OfPartitionAndVcpu_AreThereWhereSupported()
    {
        using var machine = new TestMachine(s_program);
        machine.RunToEnd();
        bool isSupported = machine.Partition.Capabilities.Supports(HypervisorFeatures.HostStatistics);

        IReadOnlyList<HostStatistic> ofPartition = machine.Partition.ReadHostStatistics();
        IReadOnlyList<HostStatistic> ofVcpu = machine.Vcpu.ReadHostStatistics();

        // Hypervisor.framework keeps counters of vCPUs alone.
        Assert.Equal(isSupported && machine.Partition.Capabilities.BackendName != "HVF", ofPartition.Count > 0);
        Assert.Equal(isSupported, ofVcpu.Count > 0);
        Assert.All(ofPartition.Concat(ofVcpu), static statistic => Assert.NotEmpty(statistic.Name));
        Assert.All(ofPartition.Concat(ofVcpu), static statistic => Assert.NotEmpty(statistic.Values));
        Assert.Equal(ofVcpu.Count, ofVcpu.DistinctBy(static statistic => statistic.Name).Count());
    }

    [Fact]
    public void HostStatistics_AfterRun_HaveCounted()
    {
        using var machine = new TestMachine(s_program);
        machine.RunToEnd();

        Assert.Contains(machine.Vcpu.ReadHostStatistics(), static statistic => statistic.Values.Any(static value => value > 0));
    }

    [Fact]
    public void Statistics_OfVcpu_CountEachKind()
    {
        using var machine = new TestMachine(s_program);

        machine.RunToEnd();
        machine.Vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);

        VcpuStatistics statistics = machine.Vcpu.Statistics;
        Assert.Equal(Guest.EndExit == Guest.WriteExit ? 2 : 1, statistics.ExitsOf(Guest.WriteExit));
        Assert.Equal(1, statistics.ExitsOf(Guest.ReadExit));
        Assert.Equal(Guest.EndExit == Guest.WriteExit ? 0 : 1, statistics.ExitsOf(VcpuExitKind.Halt));
        Assert.Equal(1, statistics.Kicks);
        Assert.True(statistics.ExitsOf(VcpuExitKind.Canceled) >= 1);
        Assert.Equal(3 + statistics.ExitsOf(VcpuExitKind.Canceled), statistics.Exits);
    }
}
