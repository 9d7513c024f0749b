using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>What an exception pushed before its handler halted: an error code where the vector has one, then the instruction's address, CS, and the flags. (SDM vol. 3A 6.12.1)</summary>
/// <param name="ErrorCode">Physical address of the error code, if there is one.</param>
/// <param name="Instruction">Physical address of the pushed instruction pointer.</param>
/// <param name="WordSize">Bytes of each.</param>
internal readonly record struct FaultFrame(ulong ErrorCode, ulong Instruction, int WordSize)
{
    /// <summary>Physical address of the pushed flags.</summary>
    public ulong Flags => Instruction + (ulong)(2 * WordSize);

    /// <summary>The frame of a case that ended in a handler.</summary>
    public static FaultFrame Of(TestCase test, Outcome outcome)
    {
        bool hasErrorCode = test.Mode != MachineMode.Real16 && outcome.Vector is 8 or (>= 10 and <= 14) or 17;
        bool isLong = Machine.Of(test.Mode).IsLong;
        int size = isLong ? 8 : test.Mode == MachineMode.Real16 ? 2 : 4;

        // Handlers of IA-32e mode are 64-bit code, which takes no base of SS; one that was there before may still show.
        ulong top = outcome.Registers.Rsp + (isLong ? 0 : outcome.SpecialRegisters.Ss.Base);
        return new FaultFrame(top, top + (ulong)(hasErrorCode ? size : 0), size);
    }

    /// <summary>The instruction that the frame points at; the default: none of the case's.</summary>
    public static Instruction Faulting(TestCase test, Outcome outcome)
    {
        var frame = Of(test, outcome);
        if (frame.Instruction > (ulong)(outcome.Memory.Length - frame.WordSize))
        {
            return default;
        }

        ReadOnlySpan<byte> word = outcome.Memory.AsSpan((int)frame.Instruction, frame.WordSize);
        ulong pointer = frame.WordSize switch
        {
            2 => BitConverter.ToUInt16(word),
            4 => BitConverter.ToUInt32(word),
            _ => BitConverter.ToUInt64(word),
        };
        ulong offset = pointer - test.Registers.Rip;
        return offset < (ulong)test.Code.Length
            ? Decoder.Create(Machine.Of(test.Mode).Bitness, new ByteArrayCodeReader(test.Code, (int)offset, test.Code.Length - (int)offset)).Decode()
            : default;
    }
}
