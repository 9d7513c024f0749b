using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Order of creation, cancellation, disposal, and nothing left behind.</summary>
public sealed unsafe class LifetimeTests
{
    [Fact]
    public void Creation_OfEverything_KeepsThePlatformsOrder()
    {
        using var machine = new FakeMachine(configure: static options =>
        {
            options.MaxVcpus = 3;
            options.ExitOnHypercall = true;
            options.X64.ExitOnUnknownMsr = true;
        });
        machine.Platform.Calls.Clear();
        _ = machine.Vcpu;

        FakePartition partition = machine.Platform.Partition;
        Assert.Equal(3UL, partition.Property(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount));
        Assert.Equal(
            (ulong)(WHV_EXTENDED_VM_EXITS.ExceptionExit | WHV_EXTENDED_VM_EXITS.HypercallExit | WHV_EXTENDED_VM_EXITS.X64MsrExit),
            partition.Property(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExtendedVmExits));
        Assert.Equal(1UL, partition.Property(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeX64MsrExitBitmap));
        Assert.Equal(
            [nameof(WhvFunctions.WHvCreateVirtualProcessor), nameof(WhvFunctions.WHvSetVirtualProcessorRegisters), nameof(WhvFunctions.WHvSuspendPartitionTime)],
            machine.Platform.Calls[..3]);
    }

    [Fact]
    public void Vcpu_Created_StandsAtTheResetVector()
    {
        using var machine = new FakeMachine();
        machine.Processor.Registers.TryGetValue(WHV_REGISTER_NAME.WHvX64RegisterTsc, out WHV_REGISTER_VALUE tsc);

        WHV_X64_SEGMENT_REGISTER cs = machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterCs].Segment;
        Assert.Equal((0xFFFF_0000UL, (ushort)0xF000, 0xFFFFU), (cs.Base, cs.Selector, cs.Limit));
        Assert.Equal(0xFFF0UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRip]);
        Assert.True(machine.Processor.Registers.ContainsKey(WHV_REGISTER_NAME.WHvX64RegisterTsc));
        Assert.Equal(0UL, tsc.Reg64);
    }

    [Fact]
    public void Vcpu_OnAPlatformThatKeepsItsTsc_IsCreatedAllTheSame()
    {
        using var machine = new FakeMachine();
        machine.Platform.UnknownRegisters.Add(WHV_REGISTER_NAME.WHvX64RegisterTsc);

        Assert.NotNull(machine.Vcpu);
    }

    [Fact]
    public void SecondPartition_WithMemory_IsRefusedInWords()
    {
        using var machine = new FakeMachine();

        HypervisorException e = Assert.Throws<HypervisorException>(() => new FakeMachine(machine.Platform));

        Assert.Equal("WHvMapGpaRange", e.Operation);
        Assert.Equal(HRESULTS.ERROR_HV_OPERATION_DENIED, e.NativeErrorCode);
        Assert.Contains("the platform lets one partition of a process have any", e.Message, StringComparison.Ordinal);
        Assert.Contains("process of its own", e.Remedy, StringComparison.Ordinal);
        Assert.False(machine.Hypervisor.Capabilities.Supports(HypervisorFeatures.ManyPartitions));
        Assert.Single(machine.Platform.Partitions);
    }

    [Fact]
    public void SecondPartition_AfterTheFirst_HasMemory()
    {
        using var platform = new FakePlatform();
        for (int i = 0; i < 2; i++)
        {
            using var machine = new FakeMachine(platform);
            Assert.Single(platform.Partition.Mapped);
        }
    }

    [Fact]
    public void Cancel_BeforeTheRun_IsNotLost()
    {
        using var machine = new FakeMachine();
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.Vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
    }

    [Fact]
    public void Canceled_ThatNobodyAskedFor_IsNotSeen()
    {
        using var machine = new FakeMachine();
        for (int i = 0; i < 5; i++)
        {
            machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonCanceled);
        }

        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
    }

    [Fact]
    public void Cancel_FromAnotherThread_EndsTheRunEachTime()
    {
        using var machine = new FakeMachine();
        Task<int> runs = machine.Partition.RunVcpuAsync(0, static (vcpu, _) =>
        {
            int canceled = 0;
            while (canceled < 1000)
            {
                canceled += vcpu.RunOnce().Kind == VcpuExitKind.Canceled ? 1 : 0;
            }

            return canceled;
        });
        Vcpu? vcpu = null;
        while (!runs.IsCompleted)
        {
            vcpu ??= (machine.Partition.Vcpus is [var first, ..] ? first : null);
            vcpu?.Cancel();
            Thread.Yield();
        }

        Assert.True(runs.IsCompletedSuccessfully, $"The runs have ended with {runs.Exception}.");
    }

    [Fact]
    public void Dispose_WhileRunning_EndsTheRunAndEverything()
    {
        using var platform = new FakePlatform();
        var machine = new FakeMachine(platform);
        using var started = new ManualResetEventSlim();
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            started.Set();
            return vcpu.RunOnce().Kind;
        });
        Assert.True(started.Wait(Limit.Value), "The vCPU's thread has started.");

        machine.Dispose();

        Assert.Empty(platform.Partitions);
        Assert.True(((IAsyncResult)run).AsyncWaitHandle.WaitOne(Limit.Value), "The run has ended.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Dispose_InAnyOrder_LeavesNothing(int order)
    {
        using var platform = new FakePlatform();
        int scratch = WhvScratch.Live;
        Hypervisor hypervisor = Hypervisor.Open(platform.CreateBackend());
        Partition partition = hypervisor.CreatePartition(new PartitionOptions());
        MemoryRegion region = partition.Memory.Map(0, 0x1000);
        Vcpu vcpu = partition.CreateVcpu(0);
        Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Mmio(0xD000_0000));
        IDisposable[] parts = order switch
        {
            0 => [hypervisor, partition, vcpu, doorbell],
            1 => [doorbell, vcpu, partition, hypervisor],
            _ => [vcpu, partition, doorbell, hypervisor],
        };
        foreach (IDisposable part in parts)
        {
            part.Dispose();
            part.Dispose();
        }

        Assert.Empty(platform.Partitions);
        Assert.Empty(platform.Doorbells);
        Assert.Equal(scratch, WhvScratch.Live);
        Assert.Throws<ObjectDisposedException>(() => partition.Memory.Map(0x10000, 0x1000));
        _ = region;
    }

    [Fact]
    public void Rounds_TenThousand_LeaveNothing()
    {
        using var platform = new FakePlatform();
        int scratch = WhvScratch.Live;
        using Hypervisor hypervisor = Hypervisor.Open(platform.CreateBackend());
        for (int i = 0; i < 10_000; i++)
        {
            using Partition partition = hypervisor.CreatePartition(new PartitionOptions());
            partition.Memory.Map(0, 0x1000);
            using Vcpu vcpu = partition.CreateVcpu(0);
            platform.Partition.Processor.Script.Enqueue(static (_, _) => { });
            vcpu.RunOnce();
            platform.Calls.Clear();
        }

        Assert.Empty(platform.Partitions);
        Assert.Equal(scratch, WhvScratch.Live);
    }

    [Fact]
    public void Vcpu_UsedOnAnotherThread_IsRefused()
    {
        using var machine = new FakeMachine();
        Vcpu vcpu = machine.Vcpu;
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => vcpu.RunOnce()));
        thread.Start();
        Assert.True(thread.Join(Limit.Value), "The other thread ends.");

        Assert.IsType<InvalidOperationException>(thrown);
    }

    [Theory]
    [InlineData(nameof(WhvFunctions.WHvCreatePartition))]
    [InlineData(nameof(WhvFunctions.WHvSetPartitionProperty))]
    [InlineData(nameof(WhvFunctions.WHvSetupPartition))]
    [InlineData(nameof(WhvFunctions.WHvMapGpaRange))]
    [InlineData(nameof(WhvFunctions.WHvCreateVirtualProcessor))]
    [InlineData(nameof(WhvFunctions.WHvSetVirtualProcessorRegisters))]
    public void Creation_ThatFailsAtAStep_LeavesNothing(string function)
    {
        using var platform = new FakePlatform();
        int scratch = WhvScratch.Live;
        using Hypervisor hypervisor = Hypervisor.Open(platform.CreateBackend());
        platform.Results[function] = HRESULTS.E_OUTOFMEMORY;

        HypervisorException e = Assert.Throws<HypervisorException>(() =>
        {
            using Partition partition = hypervisor.CreatePartition(new PartitionOptions());
            partition.Memory.Map(0, 0x1000);
            partition.CreateVcpu(0);
        });

        Assert.StartsWith(function, e.Operation, StringComparison.Ordinal);
        Assert.Equal(HRESULTS.E_OUTOFMEMORY, e.NativeErrorCode);
        Assert.Contains("E_OUTOFMEMORY (0x8007000E)", e.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
        Assert.Empty(platform.Partitions);
        Assert.Equal(scratch, WhvScratch.Live);
    }

    [Fact]
    public void Doorbell_OnMmio_IsThePlatformsAndRings()
    {
        using var machine = new FakeMachine();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0xD000_0000, 4, 7));
        (WHV_DOORBELL_MATCH_DATA match, nint waitable) = Assert.Single(machine.Platform.Doorbells);
        Assert.Equal((0xD000_0000UL, 7UL, 4U, 1U, 1U), (match.GuestAddress, match.Value, match.Length, match.MatchOnValue, match.MatchOnLength));
        Assert.False(doorbell.Wait(TimeSpan.Zero));

        FakePlatform.Ring(waitable);

        Assert.True(doorbell.Wait(Limit.Value));
        Assert.False(doorbell.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Doorbell_OnPorts_RingsWithoutAnExit()
    {
        using var machine = new FakeMachine();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x500, 1, 7));
        machine.Load(0x1000, 0xEE);
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRax] = 7;
        machine.ThenPort(isWrite: true, 0x500, 1).ThenPort(isWrite: true, 0x500, 2);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal((VcpuExitKind.PortWrite, 2), (exit.Kind, exit.Size));
        Assert.True(doorbell.Wait(TimeSpan.Zero));
        Assert.False(doorbell.Wait(TimeSpan.Zero));
        Assert.Empty(machine.Platform.Doorbells);
        Assert.Throws<HypervisorException>(() => machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x500, 1, 7)));
    }
}
