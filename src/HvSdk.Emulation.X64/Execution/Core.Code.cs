using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>The instruction and the block being executed.</summary>
internal sealed partial class Core
{
    internal readonly FetchReader Reader = new();

    /// <summary>The instruction that was not completed.</summary>
    internal Op Pending;

    /// <summary>There is no such instruction: it could not be fetched, and it is the delivery of that fault which left.</summary>
    internal bool HasFetchFailed;

    /// <summary>An exception that comes after its instruction is being delivered: a resumed run goes on with it.</summary>
    internal bool HasPendingTrap;

    /// <summary>What is being delivered is an external interrupt.</summary>
    internal bool IsExternal;

    /// <summary>Page offsets of the block being executed.</summary>
    internal int BlockStart;
    internal int BlockEnd;

    /// <summary>The pages that the block lies in: guest physical addresses, the same one twice where it is one.</summary>
    private ulong _blockPage;
    private ulong _blockNextPage;

    /// <summary>Bytes that are known of an instruction that could not be fetched whole.</summary>
    internal int InstructionLength;

    private const int PageShift = 12;

    private Decoder? _decoder16;
    private Decoder? _decoder32;
    private Decoder? _decoder64;

    internal Decoder DecoderFor() => CodeBits switch
    {
        64 => _decoder64 ??= Decoder.Create(64, Reader),
        32 => _decoder32 ??= Decoder.Create(32, Reader),
        _ => _decoder16 ??= Decoder.Create(16, Reader),
    };

    /// <summary>Notes where the block about to be executed lies.</summary>
    internal void EnterBlock(ulong gpa, int bytes)
    {
        _blockPage = _blockNextPage = gpa >> PageShift;
        BlockStart = (int)(gpa & 0xFFF);
        BlockEnd = BlockStart + bytes;
    }

    /// <summary>The same for one instruction that lies in two pages: any offset may be its own.</summary>
    internal void EnterBlockAcross(ulong gpa, ulong next)
    {
        _blockPage = gpa >> PageShift;
        _blockNextPage = next >> PageShift;
        BlockStart = 0;
        BlockEnd = 1 << PageShift;
    }

    /// <summary>Tells whether a run of bytes in one page may lie over the block that is being executed.</summary>
    internal bool IsOverBlock(ulong gpa, int size)
    {
        ulong page = gpa >> PageShift;
        int offset = (int)(gpa & 0xFFF);
        return (page == _blockPage || page == _blockNextPage) && offset < BlockEnd && offset + size > BlockStart;
    }

    /// <summary>Memory was written: if that may be the code being executed, the block ends.</summary>
    /// <remarks>Offsets in the page are compared, not addresses: memory may be seen at several.</remarks>
    internal void Touch(ulong gpa, int size)
    {
        int offset = (int)(gpa & 0xFFF);
        if (offset < BlockEnd && offset + size > BlockStart)
        {
            Attention = true;
        }
    }

    /// <summary>RIP at the start of the block whose bytes are in <see cref="Reader"/>.</summary>
    internal ulong BlockRip;

    /// <summary>RIP of the instruction whose access has left.</summary>
    internal ulong SuspendedRip;

    private int _instructionStart;

    internal ulong[] Dr => State.Dr;

    internal ReadOnlySpan<byte> InstructionBytes => Reader.Buffer.Slice(_instructionStart, InstructionLength);

    /// <summary>Notes which bytes of the block are the instruction that was not completed.</summary>
    internal void NoteInstruction(int length)
    {
        ulong start = Gpr[RegisterIndex.Rip] - BlockRip;
        bool isInBlock = start + (ulong)length <= (ulong)Reader.Buffer.Length;
        _instructionStart = isInBlock ? (int)start : 0;
        InstructionLength = isInBlock ? length : 0;
    }

    /// <summary>Forgets the instruction whose access has left.</summary>
    internal void Cancel()
    {
        IsSuspended = false;
        HasPendingTrap = false;
        IsExternal = false;
        ClearLog();
    }
}
