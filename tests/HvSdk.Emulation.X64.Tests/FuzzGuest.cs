using HvSdk.Testing;

namespace HvSdk.Emulation.Tests;

/// <summary>How a fuzzed processor begins.</summary>
public enum FuzzMode
{
    /// <summary>Real mode.</summary>
    Real,

    /// <summary>Real mode with segments of 4 GiB.</summary>
    Unreal,

    /// <summary>Virtual-8086 mode.</summary>
    Virtual8086,

    /// <summary>Protected mode, 16-bit code.</summary>
    Protected16,

    /// <summary>Protected mode, 32-bit code.</summary>
    Protected32,

    /// <summary>The same with 32-bit paging.</summary>
    ProtectedPaging,

    /// <summary>Compatibility mode.</summary>
    Compatibility,

    /// <summary>64-bit mode.</summary>
    Long,

    /// <summary>Registers that no processor would have together.</summary>
    Any,
}

/// <summary>Guests that are random, each by its mode and seed.</summary>
internal static class FuzzGuest
{
    private const int RamSize = 0x8_0000;
    private const ulong UnusedFlags = ~0x3F_7FD5UL;
    private const ulong Virtual8086Flag = 1UL << 17;
    private const ulong ControlBits0 = 0x8005_002F;
    private const ulong ControlBits4 = 0x37_1FFF;

    /// <summary>All that gives the same each time.</summary>
    private const X64EmulatorFeatures Features = X64EmulatorFeatures.All & ~(X64EmulatorFeatures.Rdrand | X64EmulatorFeatures.Rdseed);

    public static TestBoard Create(FuzzMode mode, int seed, bool deliver)
    {
        var random = new Random((seed * 16) + (int)mode);
        byte[] code = new byte[192];
        random.NextBytes(code);
        int level = mode is FuzzMode.Protected32 or FuzzMode.Protected16 or FuzzMode.ProtectedPaging or FuzzMode.Compatibility or FuzzMode.Long && random.Next(2) == 0 ? 3 : 0;
        GuestMode start = mode switch
        {
            FuzzMode.Real or FuzzMode.Unreal => GuestMode.Real,
            FuzzMode.Compatibility or FuzzMode.Long or FuzzMode.Any => GuestMode.Long,
            _ => GuestMode.Protected,
        };
        GuestLayout layout = new() { PrivilegeLevel = level, Paging = mode == FuzzMode.ProtectedPaging, IdentityMappedSize = 1UL << 30 };
        TestBoard board = new(GuestProgram.Flat(code, start, layout), new() { DeliverExceptions = deliver, Features = Features }, RamSize);

        // Data that a guest's pointers find: descriptors, selectors, addresses, frames.
        random.NextBytes(board.Ram.AsSpan(0x4_0000));
        board.State.SpecialRegisters = Special(random, mode, board.State.SpecialRegisters);
        board.Registers = General(random, board.Registers, mode);
        return board;
    }

    private static X64Registers General(Random random, in X64Registers start, FuzzMode mode) => new()
    {
        Rax = Value(random),
        Rbx = Value(random),
        Rcx = random.Next(2) == 0 ? (ulong)random.Next(40) : Value(random),
        Rdx = Value(random),
        Rsi = Value(random),
        Rdi = Value(random),
        Rbp = Value(random),
        Rsp = random.Next(2) == 0 ? start.Rsp : Value(random),
        R8 = Value(random),
        R9 = Value(random),
        R10 = Value(random),
        R11 = Value(random),
        R12 = Value(random),
        R13 = Value(random),
        R14 = Value(random),
        R15 = Value(random),
        Rip = mode == FuzzMode.Any && random.Next(8) == 0 ? Value(random) : start.Rip,
        Rflags = ((ulong)random.NextInt64() & ~UnusedFlags & ~(Virtual8086Flag | X64Flags.Trap))
            | (mode == FuzzMode.Virtual8086 ? Virtual8086Flag : 0)
            | (random.Next(8) == 0 ? X64Flags.Trap : 0),
    };

    private static ulong Value(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => (ulong)random.Next(RamSize),
        2 => (ulong)random.Next(64),
        3 => 0UL - (ulong)random.Next(0x1000),
        4 => ((ulong)random.Next(RamSize / 0x1000) * 0x1000) - (ulong)random.Next(16),
        _ => (1UL << random.Next(64)) - (ulong)random.Next(3),
    };

    private static X64SpecialRegisters Special(Random random, FuzzMode mode, X64SpecialRegisters start)
    {
        X64SpecialRegisters special = start;
        switch (mode)
        {
            case FuzzMode.Unreal:
                X64Segment large = start.Ds with { Limit = uint.MaxValue, IsGranular = true };
                special = special with { Ds = large, Es = large, Ss = large, Fs = large, Gs = large };
                break;
            case FuzzMode.Virtual8086:
                X64Segment data = X64Segment.RealMode(0) with { PrivilegeLevel = 3 };
                special = special with { Cs = data, Ds = data, Es = data, Ss = data, Fs = data, Gs = data };
                break;
            case FuzzMode.Protected16:
                special = special with { Cs = start.Cs with { IsDefault32 = false } };
                break;
            case FuzzMode.Compatibility:
                special = special with { Cs = start.Cs with { IsLong = false, IsDefault32 = random.Next(4) != 0 } };
                break;
            default:
                break;
        }

        if (mode is not (FuzzMode.Real or FuzzMode.Virtual8086))
        {
            special.Ds = Segment(random, special.Ds);
            special.Es = Segment(random, special.Es);
            special.Fs = Segment(random, special.Fs);
            special.Gs = Segment(random, special.Gs);
            special.Ldt = random.Next(3) == 0 ? special.Ldt with { IsUnusable = false, IsPresent = true, Selector = 0x40, Base = 0x4_0000, Limit = 0xFFF } : special.Ldt;
        }

        if (random.Next(3) == 0)
        {
            special.Gdt = new(random.Next(2) == 0 ? 0x4_0000 : Value(random), (ushort)random.Next(0x1_0000));
            special.Idt = new(random.Next(2) == 0 ? 0x5_0000 : Value(random), (ushort)random.Next(0x1_0000));
        }

        if (random.Next(6) == 0 && mode is FuzzMode.ProtectedPaging or FuzzMode.Long or FuzzMode.Compatibility)
        {
            special.Cr3 = random.Next(2) == 0 ? (ulong)random.Next(RamSize) : Value(random);
        }

        if (mode == FuzzMode.Any)
        {
            special.Cs = Segment(random, special.Cs);
            special.Ss = Segment(random, special.Ss);
            special.Tr = Segment(random, special.Tr);
            special.Cr0 ^= (ulong)random.NextInt64() & (ulong)random.NextInt64() & ControlBits0;
            special.Cr4 ^= (ulong)random.NextInt64() & (ulong)random.NextInt64() & ControlBits4;
            special.Cr8 = (ulong)random.Next(16);
            special.Efer ^= (ulong)random.NextInt64() & (ulong)random.NextInt64() & 0xD01;
        }

        return special;
    }

    private static X64Segment Segment(Random random, in X64Segment start) => random.Next(3) != 0 ? start : new()
    {
        Base = Value(random),
        Limit = (uint)Value(random),
        Selector = (ushort)random.Next(0x1_0000),
        Type = (byte)random.Next(16),
        PrivilegeLevel = (byte)random.Next(4),
        IsCodeOrData = random.Next(8) != 0,
        IsPresent = random.Next(8) != 0,
        IsLong = random.Next(2) == 0,
        IsDefault32 = random.Next(2) == 0,
        IsGranular = random.Next(2) == 0,
        IsUnusable = random.Next(8) == 0,
    };
}
