using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Pieces of guest programs. Accesses use RDI as the address and DX as the port; the data are in RAX.</summary>
internal static class Guest
{
    /// <summary>Free RAM of the test machine.</summary>
    public const ulong Buffer = 0x2_0000;

    /// <summary>A write to this port says that a program is done, at levels where HLT is not allowed.</summary>
    public const byte DonePort = 0x80;

    /// <summary>
    /// Both privilege levels: hosts may run them in different ways, and one that emulates the kernel's level runs level 3 natively.
    /// </summary>
    public static TheoryData<int> Levels => [0, 3];

    /// <summary>A long-mode program of a privilege level.</summary>
    public static GuestProgram Long(int privilegeLevel, Action<Assembler> body) =>
        GuestProgram.LongMode(body, new GuestLayout { PrivilegeLevel = privilegeLevel });

    public static void Done(this Assembler a) => a.@out(DonePort, al);

    public static void Out(this Assembler a, int size) => Choose(size, () => a.@out(dx, al), () => a.@out(dx, ax), () => a.@out(dx, eax));

    public static void In(this Assembler a, int size) => Choose(size, () => a.@in(al, dx), () => a.@in(ax, dx), () => a.@in(eax, dx));

    public static void RepOuts(this Assembler a, int size) => Choose(size, () => a.rep.outsb(), () => a.rep.outsw(), () => a.rep.outsd());

    public static void RepIns(this Assembler a, int size) => Choose(size, () => a.rep.insb(), () => a.rep.insw(), () => a.rep.insd());

    /// <summary>RAX, or its low part, to [RDI + displacement].</summary>
    public static void Store(this Assembler a, int size, long displacement = 0)
    {
        AssemblerMemoryOperand target = __[rdi + displacement];
        Choose(size, () => a.mov(target, al), () => a.mov(target, ax), () => a.mov(target, eax), () => a.mov(target, rax));
    }

    /// <summary>[RDI + displacement] to RAX, or to its low part.</summary>
    public static void Load(this Assembler a, int size, long displacement = 0)
    {
        AssemblerMemoryOperand source = __[rdi + displacement];
        Choose(size, () => a.mov(al, source), () => a.mov(ax, source), () => a.mov(eax, source), () => a.mov(rax, source));
    }

    /// <summary>The low bytes of a value.</summary>
    public static ulong Low(ulong value, int size) => size == 8 ? value : value & ((1UL << (size * 8)) - 1);

    /// <summary>What a register holds after its low part was written: 8- and 16-bit writes keep the rest, 32-bit writes clear it.</summary>
    public static ulong Merge(ulong before, ulong value, int size) =>
        size >= 4 ? Low(value, size) : (before & ~Low(ulong.MaxValue, size)) | Low(value, size);

    private static void Choose(int size, Action one, Action two, Action four, Action? eight = null)
    {
        Action? chosen = size switch { 1 => one, 2 => two, 4 => four, 8 => eight, _ => null };
        (chosen ?? throw new ArgumentOutOfRangeException(nameof(size), size, "The instruction has no such operand size."))();
    }
}
