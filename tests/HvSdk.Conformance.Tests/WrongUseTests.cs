using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>The caller's mistakes: an ordinary exception that names value, reason and remedy, and nothing left open.</summary>
[Collection(nameof(OpenDescriptors))]
public sealed class WrongUseTests
{
    [Fact]
    public void Vcpu_UsedOnAnotherThread_IsRefusedInWords()
    {
        using TestMachine machine = CreateReader();
        Vcpu vcpu = machine.Vcpu;

        foreach (Action use in (Action[])
            [
                () => { _ = vcpu.RunOnce().Kind; },
                () => { _ = vcpu.Run().Kind; },
                vcpu.ReadRegisters,
                Guest.IsX64 ? () => vcpu.X64.InjectNmi() : () => vcpu.Arm64.InjectUndefined(),
                vcpu.SaveAndLoadState,
                () => vcpu.SetDebug(VcpuDebugOptions.None),
                () => vcpu.ReadHostStatistics(),
            ])
        {
            InvalidOperationException exception = Limit.Await(OnAnotherThread(() => Assert.Throws<InvalidOperationException>(use)), "the refusal");

            Assert.Contains("belongs to thread", exception.Message, StringComparison.Ordinal);
            Assert.Contains(nameof(Vcpu.Cancel), exception.Message, StringComparison.Ordinal);
        }

        machine.RunOnce(Guest.ReadExit);
    }

    [Fact]
    public void Run_WithinHandler_IsRefusedInWordsAndTheRunGoesOn()
    {
        using TestMachine machine = CreateReader();
        var handler = new NestedRunner { Vcpu = machine.Vcpu };

        Assert.Equal(Guest.ReadExit, machine.Run(ref handler).Kind);

        Assert.Equal(2, handler.Refusals.Count);
        Assert.All(handler.Refusals, static text => Assert.Contains("A handler returns to the run that called it", text, StringComparison.Ordinal));
        machine.RunOnce(Guest.ReadExit);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(int.MaxValue)]
    public void CreateVcpu_IndexOutOfRange_IsRefusedInWords(int index)
    {
        using var machine = new TestMachine(configure: static options => options.MaxVcpus = 2);

        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.CreateVcpu(index));

        Assert.Equal(index, exception.ActualValue);
        Assert.Contains("0 to 1", exception.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(PartitionOptions.MaxVcpus), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CreateVcpu_Twice_IsRefusedInWordsAndTheFirstRuns() => OpenDescriptors.AssertNoneLeft(static () =>
    {
        using TestMachine machine = CreateReader();
        _ = machine.Vcpu;

        var exception = Assert.Throws<InvalidOperationException>(() => machine.Partition.CreateVcpu(0));

        Assert.Contains("vCPU 0", exception.Message, StringComparison.Ordinal);
        machine.RunOnce(Guest.ReadExit);
    });

    public static TheoryData<string, string, Action<PartitionOptions>> WrongOptions
    {
        get
        {
            TheoryData<string, string, Action<PartitionOptions>> options = Guest.IsX64 ? WrongX64Options : WrongArm64Options;
            options.Add("no vCPU", nameof(PartitionOptions.MaxVcpus), static options => options.MaxVcpus = 0);
            options.Add("too many vCPUs", nameof(PartitionOptions.MaxVcpus), static options => options.MaxVcpus = int.MaxValue);
            options.Add("no such mode", nameof(PartitionOptions.InterruptController), static options => options.InterruptController = (InterruptControllerMode)9);
            return options;
        }
    }

    private static TheoryData<string, string, Action<PartitionOptions>> WrongX64Options => new()
    {
        { "timer without chips", nameof(InterruptControllerMode.Full), static options => options.X64.TimerChip = true },
        { "MSRs of the APIC", "0x800", static options => options.X64.MsrExits.Add(new X64MsrRange(0x7FF, 2)) },
        { "empty range of MSRs", "holds 0", static options => options.X64.MsrExits.Add(new X64MsrRange(0x10, 0)) },
    };

    private static TheoryData<string, string, Action<PartitionOptions>> WrongArm64Options => new()
    {
        { "no such policy", nameof(Arm64PartitionOptions.UnknownRegisters), static options => options.Arm64.UnknownRegisters = (Arm64UnknownRegisterPolicy)9 },
        { "distributor out of line", "multiple of 64 KiB", static options => SetGic(options, new Arm64GicLayout { DistributorAddress = 0x0800_1000 }) },
        { "distributor out of reach", "Put it lower", static options => SetGic(options, new Arm64GicLayout { DistributorAddress = 1UL << 52 }) },
        { "redistributors on it", "overlaps", static options => SetGic(options, new Arm64GicLayout { RedistributorAddress = 0x0800_0000 }) },
        { "frame without lines", nameof(Arm64MsiFrame.LineCount), static options => SetGic(options, new Arm64GicLayout { MsiFrame = new(0x0900_0000, 0, 0) }) },
    };

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void CreatePartition_OptionOutOfRange_IsRefusedInWords(string what, string words, Action<PartitionOptions> configure)
    {
        Assert.NotEmpty(what);
        using Hypervisor hypervisor = LiveHypervisor.Open();
        OpenDescriptors.AssertNoneLeft(() =>
        {
            var options = new PartitionOptions();
            configure(options);

            ArgumentException exception = Assert.ThrowsAny<ArgumentException>(() => hypervisor.CreatePartition(options));

            Assert.Contains(words, exception.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    [X64Only("Its partitions are made without a call of the caller's.")]
    public void CreatePartition_ConfigurationThatThrows_LeavesNothingOpen()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        OpenDescriptors.AssertNoneLeft(() =>
        {
            var options = new PartitionOptions();
            options.X64.ConfigureCpuid = static _ => throw new TimeZoneNotFoundException("An exception that nobody else throws.");

            Assert.Throws<TimeZoneNotFoundException>(() => hypervisor.CreatePartition(options));
        });
    }

    [Fact]
    public void Capability_Missing_IsNamedWithTheMachineAndTheRemedy()
    {
        // Whatever this host lacks; a bit that no host has stands in where it has all.
        using Hypervisor hypervisor = LiveHypervisor.Open();
        HypervisorFeatures missing = Enum.GetValues<HypervisorFeatures>().FirstOrDefault(feature => !hypervisor.Capabilities.Supports(feature), (HypervisorFeatures)(1 << 30));

        var exception = Assert.Throws<NotSupportedException>(() => hypervisor.Capabilities.Require(missing));

        Assert.Contains($"{missing}", exception.Message, StringComparison.Ordinal);
        Assert.Contains(hypervisor.Capabilities.HostDescription, exception.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(HypervisorCapabilities.Supports), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RunVcpuAsync_BodyThatThrows_GivesTheExceptionAndTheVcpuIsGone()
    {
        using var machine = new TestMachine();

        Task<int> run = machine.Partition.RunVcpuAsync<int>(0, static (_, _) => throw new TimeZoneNotFoundException("An exception that nobody else throws."));

        Assert.Throws<TimeZoneNotFoundException>(() => Limit.Await(run, "the body"));
        Assert.Empty(machine.Partition.Vcpus);
    }

    /// <summary>Asks the host for ever.</summary>
    private static TestMachine CreateReader() => new(Guest.Asker());

    private static void SetGic(PartitionOptions options, Arm64GicLayout layout)
    {
        options.InterruptController = InterruptControllerMode.Full;
        options.Arm64.Gic = layout;
    }

    private static Task<T> OnAnotherThread<T>(Func<T> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private struct NestedRunner : IVcpuHandler
    {
        public required Vcpu Vcpu;
        public List<string> Refusals = [];

        public NestedRunner()
        {
        }

        public readonly ExitDisposition Handle(in VcpuExit exit)
        {
            Vcpu vcpu = Vcpu;
            Refusals.Add(Assert.Throws<InvalidOperationException>(() => { _ = vcpu.RunOnce().Kind; }).Message);
            Refusals.Add(Assert.Throws<InvalidOperationException>(() => { _ = vcpu.Run().Kind; }).Message);

            // Registers are open to handlers.
            vcpu.ReadRegisters();
            return ExitDisposition.Stop;
        }
    }
}
