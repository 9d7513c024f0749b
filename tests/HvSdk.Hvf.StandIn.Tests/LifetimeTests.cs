using HvSdk.Live;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>What belongs to this platform alone: one machine in a process, one vCPU on a thread. All else is the conformance suite's.</summary>
public sealed class LifetimeTests(StandIn standIn)
{
    [Fact]
    public void Probe_StandIn_IsAvailable()
    {
        BackendProbe probe = standIn.Backend().Probe();
        Assert.True(probe.IsAvailable, probe.ToString());
        Assert.StartsWith("hvf, libhvf-standin.so", probe.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Partition_Second_IsRefusedInWords()
    {
        using Machine machine = new(standIn);
        HypervisorException e = Assert.Throws<HypervisorException>(() => machine.Hypervisor.CreatePartition());
        Assert.Contains("allows one virtual machine in a process. Dispose of the other partition first", e.Message, StringComparison.Ordinal);
        Assert.True(standIn.Backend().Probe().IsAvailable);
    }

    [Fact]
    public void Vcpu_SecondOnOneThread_IsRefusedInWords()
    {
        using Machine machine = new(standIn, maxVcpus: 2);
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Contains("A thread has one vCPU. Create each on a thread of its own", Assert.Throws<HypervisorException>(() => machine.CreateVcpu(1)).Message, StringComparison.Ordinal);
    }

    /// <summary>The framework destroys a vCPU on its own thread alone; so its machine goes with that thread.</summary>
    [Fact]
    public void Dispose_OnAnotherThread_GoesWithTheVcpusOwn()
    {
        Machine machine = new(standIn);
        Vcpu vcpu = machine.CreateVcpu();
        vcpu.Run(TestContext.Current.CancellationToken);
        Limit.Await(Task.Run(machine.Dispose, TestContext.Current.CancellationToken), "the disposal");
        Assert.Throws<ObjectDisposedException>(() => vcpu.Run(TestContext.Current.CancellationToken));
        using Machine next = new(standIn);
        Assert.Equal(VcpuExitKind.Hypercall, next.CreateVcpu().Run(TestContext.Current.CancellationToken).Kind);
    }
}
