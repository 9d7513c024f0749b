using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>RAM, ROM, aliases, and what happens to them while nothing runs.</summary>
public sealed class MemoryRegionTests
{
    private const ulong Here = 0x4000_0000;
    private const ulong Elsewhere = 0x5000_0000;

    private static ulong Page => (ulong)Guest.PageSize;

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Ram_WrittenByGuestAndHost_IsSeenByBoth(int level)
    {
        // Copies the region's first 8 bytes to its last 8, and stops.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here);
                g.Load(8);
                g.Store(8, (2 * (int)Page) - 8);
                g.Done();
            },
            level));
        MemoryRegion region = machine.Memory.Map(Here, 2 * Page);
        region.Write(0, 0x0123_4567_89AB_CDEFUL);

        machine.RunOnceToDone();

        Assert.Equal(0x0123_4567_89AB_CDEFUL, region.Read<ulong>((2 * Page) - 8));
        Assert.Equal(0x0123_4567_89AB_CDEFUL, machine.Memory.Read<ulong>(Here + (2 * Page) - 8));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Ram_Fresh_IsZero(int level)
    {
        using TestMachine machine = Reader(level);
        machine.Memory.Map(Here, Page);

        Assert.Equal(0UL, ReadByGuest(machine));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Ram_OfTouchingRegions_IsOne(int level)
    {
        // Writes 8 bytes across the border of two regions.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here + Page - 3);
                g.Set(GuestRegister.Value, 0x8877_6655_4433_2211);
                g.Store(8);
                g.Done();
            },
            level));
        MemoryRegion first = machine.Memory.Map(Here, Page);
        MemoryRegion second = machine.Memory.Map(Here + Page, Page);

        machine.RunOnceToDone();

        Assert.Equal(0x3322_1100U, first.Read<uint>(Page - 4));
        Assert.Equal(0x7766_5544U, second.Read<uint>(0));
        Assert.Equal(0x8877_6655_4433_2211, machine.Memory.Read<ulong>(Here + Page - 3));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void ReadOnly_ReadAndWrittenByGuest_WriteLeavesAndChangesNothing(int level)
    {
        // Reads ROM, writes it, and reads it again.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here);
                g.Load(8, register: GuestRegister.First);
                g.Set(GuestRegister.Value, 0x55);
                g.Store(4, 4);
                g.Load(8);
                g.Done();
            },
            level));
        MemoryRegion rom = machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly, Name = "ROM" });
        rom.Write(0, 0x1122_3344_5566_7788UL);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioWrite);
        Assert.Equal(Here + 4, exit.Address);
        Assert.Equal(0x55UL, exit.Value);
        Assert.Equal(4, exit.Size);
        machine.RunOnceToDone();

        Assert.Equal(0x1122_3344_5566_7788UL, rom.Read<ulong>(0));
        Assert.Equal((0x1122_3344_5566_7788UL, 0x1122_3344_5566_7788UL), (machine.Read(GuestRegister.First), machine.Read(GuestRegister.Value)));
    }

    [Fact]
    public void ReadOnly_CodeInIt_Executes()
    {
        // Jumps into ROM, which ends the program.
        using var machine = new TestMachine(Guest.Program(static g => g.JumpTo(Here)));
        MemoryRegion rom = machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        rom.Write(0, Guest.EndInstruction);

        machine.RunOnce(Guest.EndExit);

        // A halt is over; a store is not, until the next run.
        Assert.Equal(Guest.LeavesAtHalt ? Here + (ulong)Guest.EndInstruction.Length : Here, machine.ProgramCounter());
    }

    [Fact]
    public void ReadOnly_DeviceWindowOverIt_GetsTheWrites()
    {
        // Writes a byte to ROM, as to the registers of a flash chip.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            g.Set(GuestRegister.Address, Here + 0x10);
            g.Set(GuestRegister.Value, 0x98);
            g.Store(1);
            g.End();
        }));
        machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        var device = new RecordingDevice((int)Page);
        machine.Partition.Mmio.Map(Here, Page, device);

        machine.RunToEnd();

        Assert.Equal([new DeviceAccess(true, 0x10, 1)], device.Accesses);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Alias_WrittenThrough_ChangesTheRegion(int level)
    {
        // Writes through the alias.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Elsewhere);
                g.Set(GuestRegister.Value, 0x77);
                g.Store(4, 8);
                g.Done();
            },
            level));
        MemoryRegion region = machine.Memory.Map(Here, 4 * Page);
        MemoryRegion alias = machine.Memory.MapAlias(Elsewhere, region, 2 * Page, Page);

        machine.RunOnceToDone();

        Assert.Equal(0x77U, region.Read<uint>((2 * Page) + 8));
        Assert.Equal(0x77U, alias.Read<uint>(8));
        region.Write((2 * Page) + 8, 0x99U);
        Assert.Equal(0x99U, machine.Memory.Read<uint>(Elsewhere + 8));
    }

    [Fact]
    public void Alias_ReadOnlyOfRam_RefusesGuestsWritesAndOutlivesTheRegion()
    {
        // Writes through the read-only alias, and then reads it.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            g.Set(GuestRegister.Address, Elsewhere);
            g.Set(GuestRegister.Value, 0x77);
            g.Store(4);
            g.Load(4);
            g.End();
        }));
        MemoryRegion region = machine.Memory.Map(Here, Page);
        machine.Memory.MapAlias(Elsewhere, region, 0, Page, MemoryAccess.ReadOnly);
        region.Write(0, 0x1234U);
        region.Dispose();

        machine.RunOnce(VcpuExitKind.MmioWrite);
        machine.RunOnce(Guest.EndExit);

        Assert.Equal(0x1234UL, machine.Read(GuestRegister.Value));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Unmap_ThenMapAgain_GuestSeesNothingThenOldContent(int level)
    {
        using TestMachine machine = Reader(level);
        MemoryRegion region = machine.Memory.Map(Here, Page);
        region.Write(0, 0x1111UL);
        Assert.Equal(0x1111UL, ReadByGuest(machine));

        region.Unmap();
        Assert.False(region.IsMapped);
        Assert.Null(machine.Memory.Find(Here));
        Assert.Equal(ulong.MaxValue, ReadByGuest(machine, VcpuExitKind.MmioRead));

        region.Write(0, 0x2222UL);
        region.MapAt(Here);
        Assert.Same(region, machine.Memory.Find(Here));
        Assert.Equal(0x2222UL, ReadByGuest(machine));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void MapAt_Elsewhere_TakesContentAlong(int level)
    {
        using TestMachine machine = Reader(level);
        MemoryRegion region = machine.Memory.Map(Elsewhere, Page);
        region.Write(0, 0x3333UL);
        Assert.Equal(ulong.MaxValue, ReadByGuest(machine, VcpuExitKind.MmioRead));

        region.MapAt(Here);

        Assert.Equal(Here, region.Address);
        Assert.Null(machine.Memory.Find(Elsewhere));
        Assert.Equal(0x3333UL, ReadByGuest(machine));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Dispose_ThenMapAnother_GuestSeesTheNewOne(int level)
    {
        using TestMachine machine = Reader(level);
        MemoryRegion old = machine.Memory.Map(Here, Page);
        old.Write(0, 0x4444UL);
        Assert.Equal(0x4444UL, ReadByGuest(machine));

        old.Dispose();
        Assert.Equal(ulong.MaxValue, ReadByGuest(machine, VcpuExitKind.MmioRead));

        machine.Memory.Map(Here, 2 * Page);
        Assert.Equal(0UL, ReadByGuest(machine));
        Assert.Throws<ObjectDisposedException>(() => old.Read<ulong>(0));
    }

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(1, 1)]
    [InlineData(-1, 8)]
    public void Map_OverAnother_IsRefusedByName(int firstPage, int pages)
    {
        ulong address = Here + ((ulong)firstPage * Page);
        ulong size = (ulong)pages * Page;
        using var machine = new TestMachine();
        machine.Memory.Map(Here, 2 * Page, new MemoryRegionOptions { Name = "the first" });
        MemoryRegion other = machine.Memory.Map(Elsewhere, size);
        int count = machine.Memory.Regions.Count;

        ArgumentException mapping = Assert.Throws<ArgumentException>(() => machine.Memory.Map(address, size));
        ArgumentException moving = Assert.Throws<ArgumentException>(() => other.MapAt(address));

        string name = $"region the first at 0x40000000 to 0x{Here + (2 * Page) - 1:X}";
        Assert.Contains(name, mapping.Message, StringComparison.Ordinal);
        Assert.Contains(name, moving.Message, StringComparison.Ordinal);
        Assert.Equal(count, machine.Memory.Regions.Count);
        Assert.Equal(Elsewhere, other.Address);
    }

    [Fact]
    public void Map_AtTopOfAddressSpace_IsRefusedBeyondAndWorksBelow()
    {
        using var machine = new TestMachine();
        ulong top = 1UL << machine.Partition.Capabilities.GuestPhysicalAddressBits;

        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Memory.Map(top, Page));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Memory.Map(top - Page, 2 * Page));
        machine.Memory.Map(top - Page, Page).Write(0, 1);
    }

    /// <summary>Reads the place again and again, and stops after each time.</summary>
    private static TestMachine Reader(int level) =>
        // for (;;) { value = [here]; out(done); }
        new(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here);
                GuestLabel next = g.MarkHere();
                g.Load(8);
                g.Done();
                g.Jump(next);
            },
            level));

    private static ulong ReadByGuest(TestMachine machine, VcpuExitKind? before = null)
    {
        if (before is { } kind)
        {
            machine.RunOnce(kind);
        }

        machine.RunOnceToDone();
        return machine.Read(GuestRegister.Value);
    }
}
