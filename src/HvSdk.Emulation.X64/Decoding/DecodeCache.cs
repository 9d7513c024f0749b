namespace HvSdk.Emulation;

/// <summary>Blocks of decoded instructions by guest physical address. A block lies in one page and ends at a jump or at whatever changes how code is seen.</summary>
/// <remarks>
/// Nothing says when memory changes: the emulator's own writes, other vCPUs, devices. So a block keeps its bytes, and they are compared with
/// memory each time it is entered; a write of the emulator into the page offsets of the block being executed ends it, whatever address the
/// write went through. Ops and bytes lie in two arrays that grow to a limit and are then begun anew, so nothing is allocated for good.
/// </remarks>
internal sealed class DecodeCache
{
    internal const int MaxBlockOps = 32;
    internal const int MaxBlockBytes = 192;
    private const int SlotBits = 11;
    private const int MaxOps = 32768;

    private readonly Block[] _slots = new Block[1 << SlotBits];
    private Op[] _ops = new Op[256];
    private byte[] _bytes = new byte[2048];
    private int _opCount;
    private int _byteCount;

    internal Op[] Ops => _ops;

    internal struct Block
    {
        /// <summary>Address and code size; 0 where the slot is empty.</summary>
        internal ulong Key;
        internal int FirstOp;
        internal int FirstByte;
        internal short OpCount;
        internal short ByteCount;
    }

    /// <param name="gpa">Where the block starts.</param>
    /// <param name="bitness">16, 32 or 64: a value above 0 in the key's low bits would do, but addresses need all of theirs.</param>
    internal static ulong Key(ulong gpa, int bitness) => (gpa << 7) | (uint)bitness;

    internal ref Block Slot(ulong gpa) => ref _slots[(int)((gpa * 0x9E37_79B9_7F4A_7C15) >> (64 - SlotBits))];

    internal ReadOnlySpan<byte> BytesOf(in Block block) => _bytes.AsSpan(block.FirstByte, block.ByteCount);

    /// <summary>Makes room for the largest block; forgets all others where the arrays have their full size.</summary>
    internal void Reserve()
    {
        if (_opCount + MaxBlockOps > _ops.Length || _byteCount + MaxBlockBytes > _bytes.Length)
        {
            if (_ops.Length < MaxOps)
            {
                Array.Resize(ref _ops, _ops.Length * 2);
                Array.Resize(ref _bytes, _bytes.Length * 2);
            }
            else
            {
                Clear();
            }
        }
    }

    internal void Clear()
    {
        Array.Clear(_slots);
        _opCount = 0;
        _byteCount = 0;
    }

    /// <summary>Where the next op of the block being made goes; <see cref="Reserve"/> came before.</summary>
    internal ref Op Next(int count) => ref _ops[_opCount + count];

    internal int FirstFree => _opCount;

    internal void Commit(ulong key, ref Block slot, ReadOnlySpan<byte> bytes, int ops)
    {
        bytes.CopyTo(_bytes.AsSpan(_byteCount));
        slot = new() { Key = key, FirstOp = _opCount, FirstByte = _byteCount, OpCount = (short)ops, ByteCount = (short)bytes.Length };
        _opCount += ops;
        _byteCount += bytes.Length;
    }
}
