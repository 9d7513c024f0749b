using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

public sealed class LifetimeTests
{
    private static void Loop(Arm64Assembler guest)
    {
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.B(loop);
    }

    [Fact]
    public void Probe_ThisMachine_IsAvailable()
    {
        BackendProbe probe = KvmBackend.Instance.Probe();
        Assert.True(probe.IsAvailable, probe.ToString());
        using Hypervisor hypervisor = LiveHypervisor.Open();
        HypervisorCapabilities capabilities = hypervisor.Capabilities;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{capabilities.Features}; {capabilities.MaxVcpus} vCPUs, {capabilities.GuestPhysicalAddressBits} address bits, {capabilities.MaxHardwareBreakpoints} breakpoints, {capabilities.InterruptLineCount} lines, " +
            $"pages of {capabilities.PageSize}, counter {hypervisor.Arm64.CounterFrequency} Hz");
        Assert.Equal(GuestArchitecture.Arm64, capabilities.Architecture);
        Assert.Equal(Environment.SystemPageSize, capabilities.PageSize);
        Assert.True(hypervisor.Arm64.CounterFrequency > 0);
        Assert.NotEmpty(hypervisor.Arm64.GetFeatureRegisters());
    }

    [Fact]
    public void Cancel_BeforeTheRun_EndsItAtOnce()
    {
        using Machine machine = new(Loop);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Cancel();
        Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
    }

    [Fact]
    public void Cancel_DuringTheRun_EndsItEachTime()
    {
        using Machine machine = new(Loop);
        using Vcpu vcpu = machine.CreateVcpu();
        for (int i = 0; i < 50; i++)
        {
            Task cancel = Task.Run(vcpu.Cancel, TestContext.Current.CancellationToken);
            Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
            Limit.Await(cancel, "the call of Cancel");
        }
    }

    [Fact]
    public void Rounds_OneAfterTheOther_LeaveNothingBehind()
    {
        int before = 0;
        for (int i = 0; i < 30; i++)
        {
            using (Machine machine = new(static guest => Machine.PowerOff(guest), static options =>
            {
                options.InterruptController = InterruptControllerMode.Full;
                options.MaxVcpus = 3;
            }))
            {
                Assert.StartsWith("SystemEvent PowerOff", machine.Run().Exit, StringComparison.Ordinal);
            }

            // What the runtime opens for itself is left out.
            int now = Directory.GetFiles("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget ?? "").Count(
                static target => target.Contains("kvm", StringComparison.Ordinal) || target.Contains("eventfd", StringComparison.Ordinal) || target.Contains("memfd", StringComparison.Ordinal));
            before = i < 5 ? now : before;
            Assert.True(now <= before, $"{now} files are open after round {i}, and {before} were after the fifth.");
        }
    }

    [Fact]
    public void Statistics_OfPartitionAndVcpu_AreThere()
    {
        using Machine machine = new(static guest => Machine.PowerOff(guest));
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Next();
        Assert.Contains(vcpu.ReadHostStatistics(), static statistic => statistic.Name == "exits" && statistic.Values[0] > 0);
    }
}
