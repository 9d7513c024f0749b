namespace HvSdk.Tests.Memory;

public sealed class GuestMemoryAccessTests
{
    private const ulong Page = 0x1000;

    [Fact]
    public void Access_AcrossRegionsThatTouch_IsOneAccess()
    {
        using ScriptedMachine machine = new();
        GuestMemory memory = machine.Partition.Memory;
        MemoryRegion second = memory.Map(Page, Page);
        MemoryRegion first = memory.Map(0, Page);
        memory.Map(2 * Page, Page);
        memory.Write(Page - 3, 0x0807_0605_0403_0201UL);
        Assert.Equal(0x0807_0605_0403_0201UL, memory.Read<ulong>(Page - 3));
        Assert.Equal(0x03, first.Read<byte>(Page - 1));
        Assert.Equal(0x04, second.Read<byte>(0));
        byte[] all = new byte[3 * Page];
        memory.Read(0, all);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], all.AsSpan((int)Page - 3, 8).ToArray());
        all.AsSpan().Fill(0xEE);
        memory.Write(0, all);
        Assert.Equal(0xEEEE_EEEEU, memory.Read<uint>((2 * Page) - 2));
        Assert.Equal([0UL, Page, 2 * Page], memory.Regions.Select(static region => region.Address));
    }

    [Fact]
    public void Access_WithAHole_ReadsAndWritesNothing()
    {
        using ScriptedMachine machine = new();
        GuestMemory memory = machine.Partition.Memory;
        memory.Map(0, Page);
        memory.Map(2 * Page, Page);
        Assert.False(memory.TryRead(Page - 4, out ulong value));
        Assert.Equal(0UL, value);
        Assert.False(memory.TryWrite(Page - 4, 1UL));
        Assert.False(memory.TryWrite(0, new byte[(2 * Page) + 1]));
        Assert.False(memory.TryRead(0, new byte[(2 * Page) + 1]));
        Assert.Equal(0U, memory.Read<uint>(Page - 4));
        AssertNotInMemory("8 bytes at GPA 0xFFC", () => memory.Read<ulong>(Page - 4));
        AssertNotInMemory("8 bytes at GPA 0xFFC", () => memory.Write(Page - 4, 1UL));
        AssertNotInMemory("2 bytes at GPA 0x1000", () => memory.Read(Page, new byte[2]));
        AssertNotInMemory("2 bytes at GPA 0x1000", () => memory.Write(Page, new byte[2]));

        static void AssertNotInMemory(string words, Action action) => Assert.Contains(
            $"{words} do not lie in guest memory", Assert.Throws<ArgumentOutOfRangeException>(action).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 7)]
    [InlineData(1UL << 63)]
    public void Access_WrapsAround_IsNotInMemory(ulong address)
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0, Page);
        Assert.False(machine.Partition.Memory.TryRead(address, new byte[16]));
        Assert.False(machine.Partition.Memory.TryWrite(address, new byte[16]));
        Assert.False(machine.Partition.Memory.TryRead(address, out UInt128 _));
    }

    [Fact]
    public void Access_OfNoBytes_SucceedsAnywhere()
    {
        using ScriptedMachine machine = new();
        Assert.True(machine.Partition.Memory.TryRead(0x1234, []));
        Assert.True(machine.Partition.Memory.TryWrite(ulong.MaxValue, default));
    }

    [Fact]
    public void Write_ToReadOnlyMemory_IsTheHostsRight()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0, Page, new() { Access = MemoryAccess.ReadOnly });
        machine.Partition.Memory.Write(0, 42);
        Assert.Equal(42, machine.Partition.Memory.Read<int>(0));
    }

    [Fact]
    public void Region_AccessOutside_NamesOffsetAndRegion()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0x8000, Page, new() { Name = "heap" });
        Check("4 bytes at offset 0xFFD", () => region.Read<int>(0xFFD));
        Check("4 bytes at offset 0xFFD", () => region.Write(0xFFD, 1));
        Check("1 bytes at offset 0xFFFFFFFFFFFFFFFF", () => region.Read(ulong.MaxValue, new byte[1]));
        Check("2 bytes at offset 0xFFF", () => region.Write(0xFFF, new byte[2]));
        Check("4097 bytes at offset 0x0", () => region.AccessInPlace(0, 4097, 0, static (_, _) => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => region.AccessInPlace(0, -1, 0, static (_, _) => { }));
        Assert.Throws<ArgumentNullException>(() => region.AccessInPlace<int>(0, 1, 0, null!));
        region.Read(Page, []);

        static void Check(string words, Action action) => Assert.Contains(
            $"{words} do not lie within region heap of 0x1000 bytes", Assert.Throws<ArgumentOutOfRangeException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AccessInPlace_Bytes_AreTheRegions()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, Page, new() { TrackDirtyPages = true });
        region.AccessInPlace(0x10, 4, (byte)7, static (bytes, value) => bytes.Fill(value));
        Assert.Equal(0x0707_0707U, region.Read<uint>(0x10));
        Assert.Equal(0, region.Read<byte>(0x14));
        Assert.Equal(1, region.CollectDirtyPages(new ulong[1]));
        Assert.Throws<FormatException>(() => region.AccessInPlace(0, 1, 0, static (_, _) => throw new FormatException()));
    }

    [Fact]
    public async Task AccessInPlace_RegionDisposedMeanwhile_KeepsTheBytes()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, Page);
        using var inside = new ManualResetEventSlim();
        using var disposed = new ManualResetEventSlim();
        Task access = Limits.OnThread(() => region.AccessInPlace(0, (int)Page, (inside, disposed), static (bytes, events) =>
        {
            events.inside.Set();
            Assert.True(events.disposed.Wait(Limits.Limit), "the region was not disposed of in time");
            bytes.Fill(1);
            Assert.Equal(1, bytes[^1]);
        }));
        Assert.True(inside.Wait(Limits.Limit), "the access did not begin in time");
        region.Dispose();
        disposed.Set();
        await access.Within("the access");
        Assert.Throws<ObjectDisposedException>(() => region.Read<byte>(0));
    }

    [Fact]
    public async Task TryRead_RegionsComeAndGo_IsAnswerAndNeverException()
    {
        using ScriptedMachine machine = new();
        GuestMemory memory = machine.Partition.Memory;
        MemoryRegion first = memory.Map(0, Page);
        using var stop = new CancellationTokenSource();
        Task[] readers =
        [
            Limits.OnThread(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    if (memory.TryRead(Page + 8, out ulong value))
                    {
                        Assert.True(value is 0 or 0x1111_1111_1111_1111, $"read 0x{value:X}");
                    }

                    memory.TryWrite(Page + 8, 0x1111_1111_1111_1111UL);
                }
            }),
            Limits.OnThread(() =>
            {
                byte[] buffer = new byte[16];
                while (!stop.IsCancellationRequested)
                {
                    memory.TryRead(Page - 8, buffer);
                    memory.TryWrite(Page - 8, buffer);
                }
            }),
        ];
        for (int i = 0; i < 50_000; i++)
        {
            using MemoryRegion region = memory.MapAlias(Page, first, 0, Page);
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers).Within("the readers");
    }
}
