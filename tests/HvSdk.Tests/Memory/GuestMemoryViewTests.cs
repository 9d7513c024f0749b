using HvSdk.Testing;

namespace HvSdk.Tests.Memory;

/// <summary>Views: guest memory for one thread that touches it often.</summary>
public sealed class GuestMemoryViewTests : IDisposable
{
    private readonly Hypervisor _hypervisor = Hypervisor.Open(new ScriptedBackend());
    private readonly Partition _partition;

    public GuestMemoryViewTests()
    {
        _partition = _hypervisor.CreatePartition();
    }

    public void Dispose()
    {
        _partition.Dispose();
        _hypervisor.Dispose();
    }

    [Fact]
    public void Access_AcrossRegionsThatTouch_IsOneRange()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        _partition.Memory.Map(0x2000, 0x1000);
        GuestMemoryView view = _partition.Memory.CreateView();
        view.Enter();

        Assert.True(view.TryWrite(0x1FFC, 0x1122334455667788UL));
        Assert.True(view.TryRead(0x1FFC, out ulong value));
        Assert.Equal(0x1122334455667788UL, value);
        Assert.Equal(0x1122334455667788UL, _partition.Memory.Read<ulong>(0x1FFC));
        Assert.Equal(4, view.Access(0x1FFC, 8, isWrite: false, 0, static (_, _) => { }));
        view.Exit();
    }

    [Fact]
    public void Access_BeyondMemory_IsRefused()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        GuestMemoryView view = _partition.Memory.CreateView();
        view.Enter();

        Assert.False(view.TryRead(0x1FFC, out ulong _));
        Assert.False(view.TryWrite(0x1FFC, 1UL));
        Assert.False(view.TryRead(ulong.MaxValue, out byte _));
        Assert.False(view.Contains(0x1000, 0x1001));
        Assert.False(view.Contains(0x1800, ulong.MaxValue));
        Assert.True(view.Contains(0x9000, 0));
        Assert.Equal(0, view.Access(0x2000, 1, isWrite: true, 0, static (_, _) => Assert.Fail("There is no memory.")));
        view.Exit();
    }

    [Fact]
    public void Region_DisposedOfWhileEntered_StaysAliveUntilExit()
    {
        MemoryRegion region = _partition.Memory.Map(0x1000, 0x1000);
        region.Write(0, (byte)7);
        GuestMemoryView view = _partition.Memory.CreateView();
        view.Enter();
        region.Dispose();

        Assert.True(view.TryRead(0x1000, out byte value));
        Assert.Equal(7, value);
        view.Exit();
        view.Enter();
        Assert.False(view.TryRead(0x1000, out byte _));
        view.Exit();
    }

    [Fact]
    public void Write_ThroughView_IsADirtyPage()
    {
        MemoryRegion region = _partition.Memory.Map(0x1000, 0x4000, new MemoryRegionOptions { TrackDirtyPages = true });
        GuestMemoryView view = _partition.Memory.CreateView();
        view.Enter();
        view.TryWrite(0x1000, (byte)1);
        view.TryWrite(0x2FFF, [1, 2]);
        view.Access(0x4000, 8, isWrite: true, 0, static (span, _) => span.Fill(1));
        view.Exit();

        Span<ulong> bitmap = stackalloc ulong[1];
        region.CollectDirtyPages(bitmap);
        Assert.Equal(0b1111UL, bitmap[0]);
    }

    [Fact]
    public void Access_OfAnotherThreadOrOutsideEnter_Throws()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        GuestMemoryView view = _partition.Memory.CreateView();
        Assert.Throws<InvalidOperationException>(() => view.TryRead(0x1000, out byte _));
        view.Enter();
        Assert.Throws<InvalidOperationException>(view.Enter);
        Exception? other = null;
        var thread = new Thread(() => other = Record.Exception(() => view.TryRead(0x1000, out byte _)));
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(30)), "The other thread did not end.");
        Assert.IsType<InvalidOperationException>(other);
        view.Access(0x1000, 1, isWrite: false, view, static (_, view) => Assert.Throws<InvalidOperationException>(view.Exit));
        view.Exit();
        Assert.Throws<InvalidOperationException>(view.Exit);
    }
}
