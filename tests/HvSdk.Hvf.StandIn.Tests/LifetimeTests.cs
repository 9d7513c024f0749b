using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

public sealed class LifetimeTests(StandIn standIn)
{
    private static void Loop(Arm64Assembler guest)
    {
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.B(loop);
    }

    [Fact]
    public void Probe_StandIn_IsAvailable()
    {
        BackendProbe probe = standIn.Backend().Probe();
        Assert.True(probe.IsAvailable, probe.ToString());
        Assert.StartsWith("hvf, libhvf-standin.so", probe.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancel_BeforeTheRun_EndsItAtOnce()
    {
        using Machine machine = new(standIn, Loop);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Cancel();
        Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
    }

    [Fact]
    public void Cancel_DuringTheRun_EndsItEachTime()
    {
        using Machine machine = new(standIn, Loop);
        using Vcpu vcpu = machine.CreateVcpu();
        for (int i = 0; i < 50; i++)
        {
            Task cancel = Task.Run(vcpu.Cancel, TestContext.Current.CancellationToken);
            Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
            Limit.Await(cancel, "the call of Cancel");
        }
    }

    [Fact]
    public void Partition_Second_IsRefusedInWords()
    {
        using Machine machine = new(standIn, Loop);
        HypervisorException e = Assert.Throws<HypervisorException>(() => machine.Hypervisor.CreatePartition());
        Assert.Contains("allows one virtual machine in a process. Dispose of the other partition first", e.Message, StringComparison.Ordinal);
        Assert.True(standIn.Backend().Probe().IsAvailable);
    }

    [Fact]
    public void Vcpu_SecondOnOneThread_IsRefusedInWords()
    {
        using Machine machine = new(standIn, Loop, static options => options.MaxVcpus = 2);
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Contains("A thread has one vCPU. Create each on a thread of its own", Assert.Throws<HypervisorException>(() => machine.CreateVcpu(1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rounds_OneAfterTheOther_LeaveNothingBehind()
    {
        for (int i = 0; i < 30; i++)
        {
            using Machine machine = new(standIn, static guest => guest.Hvc());
            Assert.StartsWith("Hypercall", machine.Run().Exit, StringComparison.Ordinal);
        }
    }

    /// <summary>The framework destroys a vCPU on its own thread alone; so its machine goes with that thread.</summary>
    [Fact]
    public void Dispose_OnAnotherThread_GoesWithTheVcpusOwn()
    {
        Machine machine = new(standIn, static guest => guest.Hvc());
        Vcpu vcpu = machine.CreateVcpu();
        vcpu.Run(TestContext.Current.CancellationToken);
        Limit.Await(Task.Run(machine.Dispose, TestContext.Current.CancellationToken), "the disposal");
        Assert.Throws<ObjectDisposedException>(() => vcpu.Run(TestContext.Current.CancellationToken));
        using Machine next = new(standIn, static guest => guest.Hvc());
        Assert.StartsWith("Hypercall", next.Run().Exit, StringComparison.Ordinal);
    }
}
