using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>
/// Lays out 256 interrupt vectors: the far pointers of real mode (Intel SDM vol. 3B, "8086 Emulation"), 32-bit or 64-bit gates (vol. 3A,
/// "IDT Descriptors" and "64-Bit Mode IDT").
/// </summary>
/// <remarks>A vector without a gate is not present in protected and long mode, and points to 0000:0000 in real mode.</remarks>
public sealed class IdtBuilder
{
    private const int VectorCount = 256;

    private readonly GuestMode _mode;
    private readonly byte[] _table;

    /// <summary>An empty table.</summary>
    /// <param name="mode">The mode whose gates it has.</param>
    public IdtBuilder(GuestMode mode)
    {
        _mode = mode;
        _table = new byte[SizeOf(mode)];
    }

    /// <summary>Points a vector to its handler.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="selector">Selector of the handler's code segment; the segment itself in real mode.</param>
    /// <param name="offset">Address of the handler within its code segment.</param>
    /// <param name="kind">Interrupt or trap gate; real mode knows interrupts alone.</param>
    /// <param name="privilegeLevel">The lowest privilege, 0 to 3, from which INT may use the gate; nothing in real mode.</param>
    /// <param name="interruptStack">Entry 1 to 7 of the interrupt stack table, 0 for none; long mode only.</param>
    /// <returns>This builder.</returns>
    public IdtBuilder SetGate(
        byte vector,
        ushort selector,
        ulong offset,
        IdtGateKind kind = IdtGateKind.Interrupt,
        int privilegeLevel = 0,
        int interruptStack = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, MaxOffset, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfNegative(privilegeLevel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(privilegeLevel, 3);
        ArgumentOutOfRangeException.ThrowIfNegative(interruptStack);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(interruptStack, _mode == GuestMode.Long ? 7 : 0);
        if (kind != IdtGateKind.Interrupt && (kind != IdtGateKind.Trap || _mode == GuestMode.Real))
        {
            throw new ArgumentException($"There is no gate of kind {kind} in mode {_mode}.", nameof(kind));
        }

        Span<byte> gate = _table.AsSpan(vector * EntrySize(_mode), EntrySize(_mode));
        BinaryPrimitives.WriteUInt16LittleEndian(gate, (ushort)offset);
        BinaryPrimitives.WriteUInt16LittleEndian(gate[2..], selector);
        if (_mode == GuestMode.Real)
        {
            return this;
        }

        const int present = 0x80;
        gate[4] = (byte)interruptStack;
        gate[5] = (byte)(present | (privilegeLevel << 5) | (int)kind);
        BinaryPrimitives.WriteUInt16LittleEndian(gate[6..], (ushort)(offset >> 16));
        if (_mode == GuestMode.Long)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(gate[8..], (uint)(offset >> 32));
        }

        return this;
    }

    /// <summary>The table's bytes: 1024 in real, 2048 in protected and 4096 in long mode.</summary>
    public byte[] Build() => [.. _table];

    internal static int SizeOf(GuestMode mode) => VectorCount * EntrySize(mode);

    private ulong MaxOffset => _mode switch
    {
        GuestMode.Real => ushort.MaxValue,
        GuestMode.Protected => uint.MaxValue,
        _ => ulong.MaxValue,
    };

    private static int EntrySize(GuestMode mode) => mode switch
    {
        GuestMode.Real => 4,
        GuestMode.Protected => 8,
        GuestMode.Long => 16,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "There is no such mode."),
    };
}
