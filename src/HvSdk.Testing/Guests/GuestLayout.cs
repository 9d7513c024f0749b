namespace HvSdk.Testing;

/// <summary>Where the parts of a <see cref="GuestProgram"/> lie in guest physical memory, and how the program starts.</summary>
/// <remarks>
/// With the defaults a program needs 64 KiB of RAM in real mode and in protected mode, 128 KiB where there is paging. Addresses that the
/// mode has no use for are ignored. Programs check their layout: parts that overlap, are unaligned or lie out of the mode's reach are
/// refused with an <see cref="ArgumentException"/> that names them.
/// </remarks>
public sealed record GuestLayout
{
    /// <summary>Default of <see cref="CodeAddress"/>; 28 KiB are free from here to the stack.</summary>
    public const ulong DefaultCodeAddress = 0x1000;

    /// <summary>Default of <see cref="StackTop"/>.</summary>
    public const ulong DefaultStackTop = 0x9000;

    /// <summary>Default of <see cref="InterruptStackTop"/>.</summary>
    public const ulong DefaultInterruptStackTop = 0xA000;

    /// <summary>Default of <see cref="GdtAddress"/>.</summary>
    public const ulong DefaultGdtAddress = 0xA000;

    /// <summary>Default of <see cref="TssAddress"/>.</summary>
    public const ulong DefaultTssAddress = 0xC000;

    /// <summary>Default of <see cref="IdtAddress"/>.</summary>
    public const ulong DefaultIdtAddress = 0xB000;

    /// <summary>Default of <see cref="PageTableAddress"/>; the tables of the default map end at 0x16000.</summary>
    public const ulong DefaultPageTableAddress = 0x1_0000;

    /// <summary>Default of <see cref="IdentityMappedSize"/>: 4 GiB, so that the usual device windows are in reach.</summary>
    public const ulong DefaultIdentityMappedSize = 1UL << 32;

    /// <summary>Bytes kept free for each stack, below its top.</summary>
    public const ulong StackSize = 0x1000;

    /// <summary>Where everything has its default place.</summary>
    public static GuestLayout Default { get; } = new();

    /// <summary>First byte of the code.</summary>
    /// <remarks>In real mode below 1 MiB, and from 64 KiB on a multiple of 16.</remarks>
    public ulong CodeAddress { get; init; } = DefaultCodeAddress;

    /// <summary>The stack pointer at the start, a multiple of 16; in real mode at most 64 KiB.</summary>
    public ulong StackTop { get; init; } = DefaultStackTop;

    /// <summary>Stack pointer of handlers that interrupt privilege level 3, a multiple of 16; protected and long mode.</summary>
    public ulong InterruptStackTop { get; init; } = DefaultInterruptStackTop;

    /// <summary>Global descriptor table (<see cref="GuestSelectors"/>), a multiple of 8; protected and long mode.</summary>
    public ulong GdtAddress { get; init; } = DefaultGdtAddress;

    /// <summary>Task state segment, a multiple of 128; protected and long mode.</summary>
    public ulong TssAddress { get; init; } = DefaultTssAddress;

    /// <summary>Interrupt descriptor table, a multiple of 8; protected and long mode. The table of real mode always lies at 0.</summary>
    public ulong IdtAddress { get; init; } = DefaultIdtAddress;

    /// <summary>The page tables, a multiple of 4 KiB; long mode, and protected mode with <see cref="Paging"/>.</summary>
    public ulong PageTableAddress { get; init; } = DefaultPageTableAddress;

    /// <summary>Turns paging on in protected mode: an identity map in pages of 4 MiB. Long mode has paging in any case.</summary>
    public bool Paging { get; init; }

    /// <summary>How much memory the page tables map to itself, from 0 on, for every privilege level.</summary>
    /// <remarks>Long mode: a multiple of 2 MiB up to 512 GiB. Protected mode: a multiple of 4 MiB up to 4 GiB.</remarks>
    public ulong IdentityMappedSize { get; init; } = DefaultIdentityMappedSize;

    /// <summary>Page tables to use in long mode instead of the identity map.</summary>
    /// <remarks>They must map code, stacks and descriptor tables to themselves; everything else is free.</remarks>
    public PageTableBuilder? PageTables { get; init; }

    /// <summary>The privilege level to start at: 0, or in protected and long mode also 3.</summary>
    /// <remarks>
    /// A program of level 3 has I/O privilege level 3: it may use ports and change the interrupt flag, but not halt. Its TSS, 8 KiB longer
    /// for that, allows all ports too, for hosts that do not heed the level. Handlers run at level 0 in every case.
    /// </remarks>
    public int PrivilegeLevel { get; init; }
}
