using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Disposal of everything in every order, idle; and what is left usable.</summary>
[Collection(nameof(OpenDescriptors))]
public sealed class DisposalTests
{
    private enum Part
    {
        Hypervisor,
        Partition,
        Vcpu,
        Region,
        Doorbell,
        Trigger,
    }

    [Fact]
    public void Parts_DisposedOfInEveryOrder_LeaveNothingOpen()
    {
        Part[] parts = [.. Enum.GetValues<Part>()];

        // All 720 orders in long runs; every seventh, which shuffles all places, in normal ones.
        int step = Repetitions.Get("HVSDK_ORDERS_STEP", 7, 1);
        OpenDescriptors.AssertNoneLeft(
            () =>
            {
                foreach (Part[] order in Permutations(parts).Where((_, i) => i % step == 0))
                {
                    CreateAndDispose(order);
                }
            },
            warmUp: () => CreateAndDispose(parts));
    }

    [Fact]
    public void Hypervisor_DisposedOf_PartitionsGoOn()
    {
        using var machine = new TestMachine(
            Guest.Program(static g => g.Ask()), GuestMessages.ConfigureFull);

        machine.Hypervisor.Dispose();

        machine.RunOnce(Guest.ReadExit);
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Guest.DeviceDoorbell());
        machine.Partition.LoadState(machine.Partition.SaveState());
        machine.Vcpu.SaveAndLoadState();
        Assert.Throws<ObjectDisposedException>(() => machine.Hypervisor.CreatePartition());
    }

    [Fact]
    public void Partition_UsedAfterDispose_SaysSo()
    {
        var machine = new TestMachine(configure: GuestMessages.ConfigureFull);
        Partition partition = machine.Partition;
        Vcpu vcpu = machine.Vcpu;
        InterruptLine line = partition.Interrupts.GetLine(1);
        machine.Dispose();

        foreach (Action use in (Action[])
            [
                () => partition.CreateVcpu(0),
                () => partition.CreateDoorbell(Guest.DeviceDoorbell()),
                () => partition.Memory.Map(0x1000_0000, (ulong)Guest.PageSize),
                () => partition.Ports.Map(1, 1, new Nothing()),
                () => partition.SaveState(),
                () => partition.ReadHostStatistics(),
                () => partition.Interrupts.Send(GuestMessages.Message),
                () => partition.Interrupts.SetRoutes([]),
                () => partition.Interrupts.CreateTrigger(line),
                () => line.Pulse(),
                () => vcpu.ReadRegisters(),
                () => { _ = vcpu.RunOnce().Kind; },
                () => { _ = vcpu.Run().Kind; },
                () => vcpu.SetDebug(VcpuDebugOptions.None),
                () => machine.Ram.Read<byte>(0),
                () => machine.Ram.Write<byte>(0, 1),
            ])
        {
            Assert.Throws<ObjectDisposedException>(use);
        }

        Assert.False(machine.Memory.TryRead(0, out byte _));
        Assert.Empty(partition.Vcpus);
    }

    [Fact]
    public void Vcpu_DisposedOf_IsNoLongerListedAndSaysSo()
    {
        using var machine = new TestMachine();
        Vcpu vcpu = machine.Vcpu;

        vcpu.Dispose();

        Assert.Empty(machine.Partition.Vcpus);
        var exception = Assert.Throws<ObjectDisposedException>(() => vcpu.ReadRegisters());
        Assert.Contains("vCPU 0", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, vcpu.Statistics.Exits);
    }

    [Fact]
    public void Vcpu_NotInUse_MayBeDisposedOfByAnotherThread()
    {
        using var machine = new TestMachine();
        Vcpu vcpu = machine.Vcpu;

        Limit.Await(Task.Run(vcpu.Dispose), "the disposal");

        Assert.Throws<ObjectDisposedException>(() => vcpu.ReadRegisters());
    }

    [Fact]
    public void Region_DisposedOfWithinACopy_LivesUntilItsEnd()
    {
        using var machine = new TestMachine();
        MemoryRegion region = machine.Memory.Map(0x1000_0000, (ulong)Guest.PageSize);
        region.Write<byte>(0xFFF, 0x5A);

        region.AccessInPlace(0, 0x1000, region, static (bytes, region) =>
        {
            region.Dispose();

            // Still mapped: the access holds a reference.
            Assert.Equal(0x5A, bytes[0xFFF]);
            bytes.Fill(1);
        });

        Assert.Throws<ObjectDisposedException>(() => region.Read<byte>(0));
    }

    private static void CreateAndDispose(Part[] order)
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        var options = new PartitionOptions();
        GuestMessages.Configure(options);
        using Partition partition = hypervisor.CreatePartition(options);
        MemoryRegion region = partition.Memory.Map(0, 0x1_0000);
        using Vcpu vcpu = partition.CreateVcpu(0);
        using Doorbell doorbell = partition.CreateDoorbell(Guest.DeviceDoorbell());
        using InterruptTrigger trigger = partition.Interrupts.CreateTrigger(GuestMessages.Message);
        foreach (Part part in order)
        {
            IDisposable disposable = part switch
            {
                Part.Hypervisor => hypervisor,
                Part.Partition => partition,
                Part.Vcpu => vcpu,
                Part.Region => region,
                Part.Doorbell => doorbell,
                _ => trigger,
            };
            disposable.Dispose();
            disposable.Dispose();
        }
    }

    private static IEnumerable<Part[]> Permutations(Part[] parts) => parts.Length <= 1
        ? [parts]
        : parts.SelectMany(first => Permutations([.. parts.Where(part => part != first)]).Select(rest => (Part[])[first, .. rest]));

    private sealed class Nothing : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
