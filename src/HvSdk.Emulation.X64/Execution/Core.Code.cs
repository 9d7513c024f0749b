using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>The instruction and the block being executed.</summary>
internal sealed partial class Core
{
    internal readonly FetchReader Reader = new();

    /// <summary>The instruction that was not completed.</summary>
    internal Op Pending;

    /// <summary>An exception that comes after its instruction is being delivered: a resumed run goes on with it.</summary>
    internal bool HasPendingTrap;

    /// <summary>What is being delivered is an external interrupt.</summary>
    internal bool IsExternal;

    /// <summary>Page offsets of the block being executed.</summary>
    internal int BlockStart;
    internal int BlockEnd;

    /// <summary>Bytes that are known of an instruction that could not be fetched whole.</summary>
    internal int InstructionLength;

    private Decoder? _decoder16;
    private Decoder? _decoder32;
    private Decoder? _decoder64;

    internal Decoder DecoderFor() => CodeBits switch
    {
        64 => _decoder64 ??= Decoder.Create(64, Reader),
        32 => _decoder32 ??= Decoder.Create(32, Reader),
        _ => _decoder16 ??= Decoder.Create(16, Reader),
    };

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
