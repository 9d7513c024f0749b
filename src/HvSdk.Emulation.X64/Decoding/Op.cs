using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>A decoded instruction, laid out for execution. It knows no address of its own, so that code may be seen at several.</summary>
/// <remarks>
/// Operands are read and written without asking for their kind where the handler knows it: an immediate is register 16, which is 0, plus
/// <see cref="Immediate"/>; a register is (register shifted right by its shift) and <see cref="Mask"/>. An address is base + index shifted +
/// displacement, masked.
/// </remarks>
internal struct Op
{
    /// <summary>Position in <see cref="HandlerTable{TMachine}"/>.</summary>
    internal ushort Handler;
    internal Code Code;
    internal byte Length;
    internal OpFlags Flags;

    /// <summary>Size of operand 0 in bytes; of the operation where it has none.</summary>
    internal byte Size;

    /// <summary>Size of operand 1 in bytes.</summary>
    internal byte Size1;

    /// <summary>Bits of operand 0, less one.</summary>
    internal byte SignShift;
    internal OperandKind Kind0;
    internal OperandKind Kind1;
    internal OperandKind Kind2;
    internal OperandKind Kind3;
    internal byte Reg0;
    internal byte Reg1;
    internal byte Reg2;
    internal byte Reg3;

    /// <summary>8 where operand 0 is AH, CH, DH or BH.</summary>
    internal byte Shift0;
    internal byte Shift1;

    /// <summary>Size of the address in bytes.</summary>
    internal byte AddressSize;
    internal byte Base;
    internal byte Index;
    internal byte Scale;
    internal byte Segment;

    /// <summary>Bytes of the memory operand.</summary>
    internal byte MemorySize;

    /// <summary>A second immediate: ENTER, EXTRQ, INSERTQ; the selector of a far pointer.</summary>
    internal ushort Immediate2;

    /// <summary>The bits of operand 0.</summary>
    internal ulong Mask;

    /// <summary>The bits of operand 0's register that a write leaves alone.</summary>
    internal ulong Keep;
    internal ulong AddressMask;
    internal ulong Displacement;

    /// <summary>Sign-extended as the instruction says; for a branch the target, less the instruction's address.</summary>
    internal ulong Immediate;

    internal readonly bool HasLock => (Flags & OpFlags.Lock) != 0;
}
