namespace HvSdk.Emulation.Differential;

/// <summary>Where things lie in the machine's RAM; with paging, linear addresses are the same.</summary>
public static class MachineMap
{
    /// <summary>Bytes of a page.</summary>
    public const int PageSize = 0x1000;

    /// <summary>All RAM; page tables map it to itself.</summary>
    public const int RamSize = 0x20_0000;

    /// <summary>Bytes, from 0 on, that are compared after every case. Memory beyond is compared where the emulator wrote it.</summary>
    public const int ComparedSize = 0x2_0000;

    /// <summary>Global descriptor table.</summary>
    public const ulong Gdt = 0x1000;

    /// <summary>Interrupt descriptor table; in real mode the table lies at 0.</summary>
    public const ulong Idt = 0x2000;

    /// <summary>Task state segment, with its I/O map.</summary>
    public const ulong Tss = 0x3000;

    /// <summary>A handler of 16 bytes for each vector; it halts.</summary>
    public const ulong Handlers = 0x6000;

    /// <summary>Bytes of a handler.</summary>
    public const int HandlerSize = 16;

    /// <summary>Top of the stack that handlers run on.</summary>
    public const ulong InterruptStackTop = 0x8000;

    /// <summary>Page tables, 8 pages.</summary>
    public const ulong PageTables = 0x8000;

    /// <summary>The cases' code: two pages, and a third that is not mapped.</summary>
    public const ulong Code = 0x1_0000;

    /// <summary>First byte after the code pages.</summary>
    public const ulong CodeEnd = Code + (2 * PageSize);

    /// <summary>A page of code that ends a case, wherever in it: far transfers go there.</summary>
    public const ulong Landing = CodeEnd + PageSize;

    /// <summary>The arena that operands lie in: pages of different rights (<see cref="ArenaPage"/>).</summary>
    public const ulong Arena = 0x1_4000;

    /// <summary>Pages of the arena.</summary>
    public const int ArenaPages = 8;

    /// <summary>First byte after the arena.</summary>
    public const ulong ArenaEnd = Arena + (ArenaPages * PageSize);

    /// <summary>Where the stack pointer starts, give or take.</summary>
    public const ulong StackTop = Arena + (7 * PageSize) + 0x800;

    /// <summary>Port that a case's end writes to.</summary>
    public const ushort EndPort = 0xF4;
}

/// <summary>The arena's pages, in the order of their addresses.</summary>
public enum ArenaPage
{
    /// <summary>Readable and writable.</summary>
    Data0,

    /// <summary>Readable and writable.</summary>
    Data1,

    /// <summary>Readable.</summary>
    ReadOnly,

    /// <summary>Not present.</summary>
    Missing,

    /// <summary>Readable and writable.</summary>
    Data2,

    /// <summary>Readable and writable by privilege levels 0 to 2.</summary>
    Supervisor,

    /// <summary>Readable and writable; the stack grows into it.</summary>
    LowStack,

    /// <summary>Readable and writable; the stack starts in it.</summary>
    Stack,
}
