using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>RAM, ROM, aliases, and what happens to them while nothing runs.</summary>
public sealed class MemoryRegionTests
{
    private const ulong Page = 0x1000;
    private const ulong Here = 0x4000_0000;
    private const ulong Elsewhere = 0x5000_0000;

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Ram_WrittenByGuestAndHost_IsSeenByBoth(int level)
    {
        // Copies the region's first 8 bytes to its last 8, and stops.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edi, (uint)Here);
            a.mov(rax, __[rdi]);
            a.mov(__[rdi + 0x1FF8], rax);
            a.Done();
        }));
        MemoryRegion region = machine.Memory.Map(Here, 2 * Page);
        region.Write(0, 0x0123_4567_89AB_CDEFUL);

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(0x0123_4567_89AB_CDEFUL, region.Read<ulong>(0x1FF8));
        Assert.Equal(0x0123_4567_89AB_CDEFUL, machine.Memory.Read<ulong>(Here + 0x1FF8));
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
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edi, (uint)Here + (uint)Page - 3);
            a.mov(rax, 0x8877_6655_4433_2211);
            a.Store(8);
            a.Done();
        }));
        MemoryRegion first = machine.Memory.Map(Here, Page);
        MemoryRegion second = machine.Memory.Map(Here + Page, Page);

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(0x3322_1100U, first.Read<uint>(Page - 4));
        Assert.Equal(0x7766_5544U, second.Read<uint>(0));
        Assert.Equal(0x8877_6655_4433_2211, machine.Memory.Read<ulong>(Here + Page - 3));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void ReadOnly_ReadAndWrittenByGuest_WriteLeavesAndChangesNothing(int level)
    {
        // Reads ROM, writes it, and reads it again.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edi, (uint)Here);
            a.mov(rbx, __[rdi]);
            a.mov(__dword_ptr[rdi + 4], 0x55);
            a.mov(rax, __[rdi]);
            a.Done();
        }));
        MemoryRegion rom = machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly, Name = "ROM" });
        rom.Write(0, 0x1122_3344_5566_7788UL);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioWrite);
        Assert.Equal(Here + 4, exit.Address);
        Assert.Equal(0x55UL, exit.Value);
        Assert.Equal(4, exit.Size);
        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(0x1122_3344_5566_7788UL, rom.Read<ulong>(0));
        Assert.Equal((0x1122_3344_5566_7788UL, 0x1122_3344_5566_7788UL), (machine.Registers.Rbx, machine.Registers.Rax));
    }

    [Fact]
    public void ReadOnly_CodeInIt_Executes()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            // Jumps into ROM, which halts.
            a.mov(eax, (uint)Here);
            a.jmp(rax);
        }));
        MemoryRegion rom = machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        rom.Write(0, [0xF4]);

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(Here + 1, machine.Registers.Rip);
    }

    [Fact]
    public void ReadOnly_DeviceWindowOverIt_GetsTheWrites()
    {
        // Writes a byte to ROM, as to the registers of a flash chip.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(edi, (uint)Here + 0x10);
            a.mov(eax, 0x98);
            a.Store(1);
            a.hlt();
        }));
        machine.Memory.Map(Here, Page, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        var device = new RecordingDevice((int)Page);
        machine.Partition.Mmio.Map(Here, Page, device);

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal([new DeviceAccess(true, 0x10, 1)], device.Accesses);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Alias_WrittenThrough_ChangesTheRegion(int level)
    {
        // Writes through the alias.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edi, (uint)Elsewhere);
            a.mov(eax, 0x77);
            a.Store(4, 8);
            a.Done();
        }));
        MemoryRegion region = machine.Memory.Map(Here, 4 * Page);
        MemoryRegion alias = machine.Memory.MapAlias(Elsewhere, region, 2 * Page, Page);

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(0x77U, region.Read<uint>((2 * Page) + 8));
        Assert.Equal(0x77U, alias.Read<uint>(8));
        region.Write((2 * Page) + 8, 0x99U);
        Assert.Equal(0x99U, machine.Memory.Read<uint>(Elsewhere + 8));
    }

    [Fact]
    public void Alias_ReadOnlyOfRam_RefusesGuestsWritesAndOutlivesTheRegion()
    {
        // Writes through the read-only alias, and then reads it.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(edi, (uint)Elsewhere);
            a.mov(eax, 0x77);
            a.Store(4);
            a.Load(4);
            a.hlt();
        }));
        MemoryRegion region = machine.Memory.Map(Here, Page);
        machine.Memory.MapAlias(Elsewhere, region, 0, Page, MemoryAccess.ReadOnly);
        region.Write(0, 0x1234U);
        region.Dispose();

        machine.RunOnce(VcpuExitKind.MmioWrite);
        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(0x1234UL, machine.Registers.Rax);
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
    [InlineData(Here - Page, 2 * Page)]
    [InlineData(Here + Page, Page)]
    [InlineData(Here - Page, 8 * Page)]
    public void Map_OverAnother_IsRefusedByName(ulong address, ulong size)
    {
        using var machine = new TestMachine();
        machine.Memory.Map(Here, 2 * Page, new MemoryRegionOptions { Name = "the first" });
        MemoryRegion other = machine.Memory.Map(Elsewhere, size);
        int count = machine.Memory.Regions.Count;

        ArgumentException mapping = Assert.Throws<ArgumentException>(() => machine.Memory.Map(address, size));
        ArgumentException moving = Assert.Throws<ArgumentException>(() => other.MapAt(address));

        const string name = "region the first at 0x40000000 to 0x40001FFF";
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
        // for (;;) { rax = [here]; out(done); }
        new(Guest.Long(level, a =>
        {
            Iced.Intel.Label next = a.CreateLabel();
            a.mov(edi, (uint)Here);
            a.Label(ref next);
            a.Load(8);
            a.Done();
            a.jmp(next);
        }));

    private static ulong ReadByGuest(TestMachine machine, VcpuExitKind? before = null)
    {
        if (before is { } kind)
        {
            machine.RunOnce(kind);
        }

        Assert.Equal(Guest.DonePort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
        return machine.Registers.Rax;
    }
}
