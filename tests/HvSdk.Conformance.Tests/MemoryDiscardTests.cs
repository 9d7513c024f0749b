using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>RAM that goes back to the host under a guest: zeros from then on, for both; and what does not go.</summary>
public sealed class MemoryDiscardTests : IDisposable
{
    private const ulong Here = 0x4000_0000;
    private const int Size = 4 << 20;
    private const uint Value = 0x5A5A_A5A5;

    private readonly string _path = Path.GetTempFileName();

    private static ulong Page => (ulong)Guest.PageSize;

    public static TheoryData<string> Kinds => ["anonymous", "shareable", "populated", "transparent huge pages", "shareable, transparent huge pages", "shared file"];

    public void Dispose() => File.Delete(_path);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Discarded_OfEachKind_IsZeroToGuestAndHost(string kind)
    {
        using TestMachine machine = CopyingGuest.Create(Here, Size);
        SkipUnlessOffered(machine);
        MemoryRegion region = machine.Memory.Map(Here, Size, Options(kind));
        region.Write(0, ulong.MaxValue);
        region.Write(Page, Value);
        region.Write(Size - 8, ulong.MaxValue);

        Assert.True(machine.Memory.TryDiscard(Here, Page));
        machine.RunOnce(Guest.EndExit);

        Assert.Equal(0UL, region.Read<ulong>(0));
        Assert.Equal(0UL, region.Read<ulong>(Size - 8));
        Assert.Equal(Value, region.Read<uint>(Page));
        Assert.True(region.TryDiscard(0, Size));
        Assert.Equal(0UL, region.Read<ulong>(Page));
        region.Write(0, ulong.MaxValue);
        Assert.Equal(ulong.MaxValue, region.Read<ulong>(0));
    }

    [Fact]
    public void Discard_OfPrivateFileOrReadOnlyMemory_IsRefused()
    {
        using var machine = new TestMachine();
        SkipUnlessOffered(machine);
        File.WriteAllBytes(_path, [.. Enumerable.Repeat((byte)0x5A, Size)]);
        MemoryRegion file = machine.Memory.Map(Here, Size, new MemoryRegionOptions { Backing = MemoryBacking.File(_path, FileSharing.Private) });
        MemoryRegion rom = machine.Memory.Map(2 * Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        file.Write(0, Value);
        rom.Write(0, Value);

        Assert.False(machine.Memory.TryDiscard(Here, Page));
        Assert.False(machine.Memory.TryDiscard(2 * Here, Page));

        Assert.Equal(Value, file.Read<uint>(0));
        Assert.Equal(Value, rom.Read<uint>(0));
    }

    [Fact]
    public void Discard_WhileTheGuestReads_ShowsItTheOldOrZeros()
    {
        TestProgram program = PollingGuest.Create(Value, 0);
        using var machine = new TestMachine(program);
        SkipUnlessOffered(machine);
        MemoryRegion page = machine.Memory.Map(TestMachine.DeviceAddress, Page);
        page.Write(0, Value);
        using var guest = new BackgroundGuest(machine.Partition, 0, program);

        for (int i = 0; i < 100; i++)
        {
            PollingGuest.AwaitMore(machine, PollingGuest.First, guest);
            Assert.True(page.TryDiscard(0, Page));
            PollingGuest.AwaitMore(machine, PollingGuest.Second, guest);
            page.Write(0, Value);
        }

        guest.Stop();
        Assert.Equal(0UL, machine.Memory.Read<ulong>(PollingGuest.Other));
    }

    private static void SkipUnlessOffered(TestMachine machine)
    {
        try
        {
            machine.Hypervisor.Capabilities.Require(HypervisorFeatures.MemoryDiscard);
        }
        catch (NotSupportedException refusal)
        {
            AbsentFeatures.SkipIfKnown(refusal);
            throw;
        }
    }

    private MemoryRegionOptions Options(string kind)
    {
        if (kind == "shared file")
        {
            File.WriteAllBytes(_path, new byte[Size]);
            return new MemoryRegionOptions { Backing = MemoryBacking.File(_path, FileSharing.Shared) };
        }

        return new MemoryRegionOptions
        {
            Backing = kind.StartsWith("shareable", StringComparison.Ordinal) ? MemoryBacking.Shareable : MemoryBacking.Anonymous,
            Populate = kind.EndsWith("populated", StringComparison.Ordinal),
            HugePages = kind.EndsWith("huge pages", StringComparison.Ordinal) ? HugePages.Transparent : HugePages.None,
        };
    }
}
