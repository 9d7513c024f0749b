using HvSdk.Backends.Kvm;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Dirty tracking by KVM's rings gives what tracking by bitmaps gives (<see cref="DirtyTrackingTests"/>), also where a ring overflows.</summary>
public sealed class KvmDirtyRingTests
{
    private const int Entries = 1024;
    private const ulong Here = 0x4000_0000;

    private static readonly KvmBackend s_backend = new(new KvmBackendOptions { DirtyRingEntries = Entries });

    public KvmDirtyRingTests() => LiveHypervisor.SkipUnlessBackend("KVM");

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_WithRing_GivesExactlyThosePagesEachTime(int level)
    {
        int[] written = [0, 1, 62, 63, 64, 127, 128, 200, 255];
        using TestMachine machine = DirtyGuest.Writer(level, Here, written, s_backend);
        MemoryRegion region = Map(machine, 256);

        for (int i = 0; i < 3; i++)
        {
            machine.RunOnce(VcpuExitKind.PortWrite);
            Assert.Equal(written, DirtyGuest.Collect(region));
            Assert.Empty(DirtyGuest.Collect(region));
        }
    }

    [Fact]
    public void Collect_AfterRingOverflows_LosesNoPage() => OverflowRing(level: 3);

    [Fact]
    public void Collect_AfterRingOverflowsAtCpl0_LosesNoPage() => Divergences.Check("dirty-ring-overflow-at-cpl0", static () => OverflowRing(level: 0));

    [Fact]
    public void Collect_WithRing_CountsHostWritesAndForgetsOnRestart()
    {
        using TestMachine machine = DirtyGuest.Writer(0, Here, [9], s_backend);
        MemoryRegion region = Map(machine, 64);

        region.Write(0x3000, 1);
        machine.RunOnce(VcpuExitKind.PortWrite);
        Assert.Equal([3, 9], DirtyGuest.Collect(region));

        machine.RunOnce(VcpuExitKind.PortWrite);
        region.StopDirtyTracking();
        region.StartDirtyTracking();
        Assert.Empty(DirtyGuest.Collect(region));
        machine.RunOnce(VcpuExitKind.PortWrite);
        Assert.Equal([9], DirtyGuest.Collect(region));
    }

    [Fact]
    public void Collect_AfterVcpuIsGone_GivesItsPages()
    {
        using TestMachine machine = DirtyGuest.Writer(0, Here, [9, 11], s_backend);
        MemoryRegion region = Map(machine, 64);

        machine.RunOnce(VcpuExitKind.PortWrite);
        machine.Vcpu.Dispose();

        Assert.Equal([9, 11], DirtyGuest.Collect(region));
    }

    private static void OverflowRing(int level)
    {
        // Three times as many pages as the ring has entries, and every second one of its region.
        int[] written = [.. Enumerable.Range(0, Entries * 3).Select(static i => i * 2)];
        using TestMachine machine = DirtyGuest.Writer(level, Here, written, s_backend);
        MemoryRegion region = Map(machine, Entries * 6);

        for (int i = 0; i < 2; i++)
        {
            machine.RunOnce(VcpuExitKind.PortWrite);
            Assert.Equal(written, DirtyGuest.Collect(region));
            Assert.Empty(DirtyGuest.Collect(region));
        }
    }

    private static MemoryRegion Map(TestMachine machine, int pages) =>
        machine.Memory.Map(Here, (ulong)pages * 0x1000, new MemoryRegionOptions { TrackDirtyPages = true });
}
