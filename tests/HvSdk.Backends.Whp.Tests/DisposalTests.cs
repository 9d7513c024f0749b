using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Everything that can be disposed of, in every order, each twice, with an access still open.</summary>
public sealed unsafe class DisposalTests
{
    [Fact]
    public void Dispose_InEveryOrder_LeavesNothing()
    {
        using var platform = new FakePlatform();
        int scratch = WhvScratch.Live;
        int orders = 0;
        foreach (int[] order in Orders([0, 1, 2, 3, 4, 5]))
        {
            IDisposable[] parts = Make(platform);
            foreach (int part in order)
            {
                parts[part].Dispose();
                parts[part].Dispose();
            }

            string place = string.Join(", ", order);
            Assert.True(platform.Partitions.Count == 0 && platform.Doorbells.Count == 0 && WhvScratch.Live == scratch, place);
            Assert.Throws<ObjectDisposedException>(() => ((Partition)parts[1]).Memory.Map(0x10000, 0x1000));
            Assert.Throws<ObjectDisposedException>(() => ((Vcpu)parts[2]).RunOnce());
            orders++;
        }

        Assert.Equal(720, orders);
    }

    private static IDisposable[] Make(FakePlatform platform)
    {
        Hypervisor hypervisor = Hypervisor.Open(platform.CreateBackend());
        Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.PerVcpu });
        MemoryRegion region = partition.Memory.Map(0, 0x1000);
        Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
        platform.Partition.Processor.Script.Enqueue(ReadPort);
        Assert.Equal(VcpuExitKind.PortRead, vcpu.RunOnce().Kind);
        return
        [
            hypervisor, partition, vcpu, region, partition.CreateDoorbell(DoorbellLocation.Mmio(0xD000_0000)),
            partition.Interrupts.CreateTrigger(MsiMessage.ForX64(0x41)),
        ];
    }

    private static void ReadPort(FakeProcessor processor, WHV_RUN_VP_EXIT_CONTEXT* exit)
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64IoPortAccess;
        exit->VpContext.InstructionLength = 1;
        exit->IoPortAccess = new WHV_X64_IO_PORT_ACCESS_CONTEXT { PortNumber = 0x80 };
        exit->IoPortAccess.AccessInfo.AccessSize = 1;
    }

    private static IEnumerable<int[]> Orders(int[] parts) => parts.Length == 1
        ? [parts]
        : parts.SelectMany(first => Orders([.. parts.Where(part => part != first)]).Select(rest => (int[])[first, .. rest]));
}
