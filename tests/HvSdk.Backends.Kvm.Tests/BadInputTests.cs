using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests;

/// <summary>What only the live KVM can refuse.</summary>
public sealed partial class BadInputTests
{
    private const int OpenFilesLimit = 7; // RLIMIT_NOFILE

    [Fact]
    public void Map_FileTooShort_NamesBothLengths()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition();
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[0x1800]);
            ArgumentException e = Assert.Throws<ArgumentException>(() =>
                partition.Memory.Map(0, 0x2000, new() { Backing = MemoryBacking.File(path, FileSharing.Private) }));
            Assert.Contains($"{path} holds 6144 bytes, and the region needs 8192 from offset 0. Make it larger", e.Message, StringComparison.Ordinal);
            Assert.Throws<ArgumentException>(() => partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File(path, FileSharing.Shared, 0x1000) }));
            Assert.Throws<ArgumentException>(() => partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File(path, FileSharing.Shared, 1L << 60) }));
            e = Assert.Throws<ArgumentException>(() => partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File(path, FileSharing.Private, 0x800) }));
            Assert.Contains("offset 2048 is not a multiple of the page size, 4096 bytes", e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(path, ProcessFiles.Open());
            partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File(path, FileSharing.Shared) });
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Map_FileMissing_NamesIt()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition();
        IOException e = Assert.ThrowsAny<IOException>(() =>
            partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File("/nowhere/rom.bin", FileSharing.Private) }));
        Assert.Contains("/nowhere", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Map_MoreThanTheHostCanMap_IsRefusedAndLeavesNothing()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition();
        ulong size = 1UL << (hypervisor.Capabilities.GuestPhysicalAddressBits - 1);
        long before = AddressSpaceKib();
        Exception? e = Record.Exception(() => partition.Memory.Map(0, size));
        string refusal = e switch
        {
            HypervisorException { NativeErrorCode: LibC.ENOMEM } host => host.Remedy,
            ArgumentOutOfRangeException tooLarge => tooLarge.Message,
            _ => $"neither of both: {e}",
        };
        Assert.Matches("no memory left|KVM maps at most 0x[0-9A-F]+ bytes at once", refusal);
        Assert.Empty(partition.Memory.Regions);
        Assert.True(AddressSpaceKib() - before < 1L << 30, "the address space that was tried is still mapped");
        partition.Memory.Map(0, 0x1000);
    }

    [Fact]
    public void CreatePartition_NoFileLeft_SaysWhatToRaise()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        hypervisor.CreatePartition().Dispose();
        string[] before = ProcessFiles.OfKvm();
        HypervisorException? e = null;
        Assert.Equal(0, getrlimit(OpenFilesLimit, out ResourceLimit limit));
        ResourceLimit none = limit with { Current = 0 };
        Assert.Equal(0, setrlimit(OpenFilesLimit, in none));
        try
        {
            hypervisor.CreatePartition().Dispose();
        }
        catch (HypervisorException caught)
        {
            e = caught;
        }
        finally
        {
            Assert.Equal(0, setrlimit(OpenFilesLimit, in limit));
        }

        Assert.Equal(("KVM_CREATE_VM", LibC.EMFILE), (e?.Operation, e?.NativeErrorCode));
        Assert.Contains("ulimit -n", e!.Message, StringComparison.Ordinal);
        Assert.Equal(before, ProcessFiles.OfKvm());
        hypervisor.CreatePartition().Dispose();
    }

    [Fact]
    public void SetRoutes_InputThatIsNotThere_IsNamed()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition(new() { InterruptController = InterruptControllerMode.Full });
        foreach (InterruptInput input in new InterruptInput[] { new(0, 8), new(1, -1), new(2, 24), new(3, 0), new(-1, 0) })
        {
            ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => partition.Interrupts.SetRoutes([InterruptRoute.ToInput(1, input)]));
            Assert.Contains($"There is no input {input.Pin} of controller {input.Controller}", e.Message, StringComparison.Ordinal);
        }

        partition.Interrupts.SetRoutes([InterruptRoute.ToInput(1, new(2, 23)), InterruptRoute.ToInput(1, new(1, 7)), InterruptRoute.ToInput(1, new(0, 7))]);
    }

    [Fact]
    public void Routing_MoreThanTheKernelKeeps_IsRefusedBeforeItIsAsked()
    {
        using (LiveHypervisor.Open())
        {
        }

        using SafeFd device = SafeFd.TryOpen("/dev/kvm", null, out _)!;
        using SafeFd partition = device.Open(KVM.KVM_CREATE_VM, 0, nameof(KVM.KVM_CREATE_VM));
        partition.EnableCapability(KVM.KVM_CAP_SPLIT_IRQCHIP, KVM.KVM_IOAPIC_NUM_PINS, nameof(KVM.KVM_CAP_SPLIT_IRQCHIP));
        var routing = new KvmInterruptRouting(partition, InterruptControllerMode.PerVcpu, maxRoutes: 32);
        int last = 0;
        InvalidOperationException e = Assert.Throws<InvalidOperationException>((Action)(() =>
        {
            while (true)
            {
                last = routing.Add(MsiMessage.ForX64(0x40));
            }
        }));

        // Lines 0 to 23 are the partition's, the others are for messages. The kernel's own limit is 4,096; to reach it takes seconds.
        Assert.Equal(31, last);
        Assert.Contains("8 triggers for messages and 0 routes of lines, the most that KVM keeps. Dispose of triggers", e.Message, StringComparison.Ordinal);
        Assert.Contains(
            "25 routes were given beside 8 triggers for messages, and KVM keeps 32 in all",
            Assert.Throws<ArgumentException>(() => routing.SetLines(new InterruptRoute[25])).Message,
            StringComparison.Ordinal);
        routing.Remove(25);
        Assert.Equal(25, routing.Add(MsiMessage.ForX64(0x41)));
    }

    [Fact]
    public void Doorbell_TheSameTwice_IsRefusedByName()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition();
        using Doorbell first = partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 5));
        HypervisorException e = Assert.Throws<HypervisorException>(() => partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 5)));
        Assert.Equal("The same doorbell exists already.", e.Remedy);
        using Doorbell other = partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 6));
    }

    private static long AddressSpaceKib() => long.Parse(
        File.ReadLines("/proc/self/status").Single(static line => line.StartsWith("VmSize:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1],
        System.Globalization.CultureInfo.InvariantCulture);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrlimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setrlimit(int resource, in ResourceLimit limit);

    private record struct ResourceLimit(ulong Current, ulong Maximum);
}
