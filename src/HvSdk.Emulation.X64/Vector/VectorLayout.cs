using System.Buffers.Binary;

namespace HvSdk.Emulation;

/// <summary>Where the parts of x87, SSE and AVX state lie in <see cref="X64CpuState.Xsave"/> (Intel SDM vol. 1, 13.4).</summary>
internal static class VectorLayout
{
    internal const int ControlWord = 0;
    internal const int StatusWord = 2;
    internal const int TagByte = 4;
    internal const int LastOpcode = 6;
    internal const int InstructionPointer = 8;
    internal const int DataPointer = 16;
    internal const int Mxcsr = 24;
    internal const int MxcsrMask = 28;
    internal const int X87Registers = 32;
    internal const int XmmRegisters = 160;
    internal const int LegacySize = 512;
    internal const int StateComponents = 512;
    internal const int CompactedComponents = 520;
    internal const int HeaderSize = 64;
    internal const int YmmHighHalves = 576;
    internal const int AvxSize = 256;

    /// <summary>The bits of MXCSR that exist where the state's own mask says nothing.</summary>
    internal const uint MxcsrBits = 0xFFFF;

    /// <summary>Misaligned mode, which processors of AMD have: SSE operands need not be aligned.</summary>
    internal const uint MxcsrMisaligned = 1 << 17;

    internal const uint MxcsrReset = 0x1F80;

    /// <summary>The state after reset: control word 0x37F, all x87 registers empty, MXCSR 0x1F80.</summary>
    internal static void Reset(Span<byte> xsave)
    {
        xsave.Clear();
        ResetX87(xsave);
        BinaryPrimitives.WriteUInt32LittleEndian(xsave[Mxcsr..], MxcsrReset);
    }

    /// <summary>The initial state of the x87 component (vol. 1, 13.6).</summary>
    internal static void ResetX87(Span<byte> xsave)
    {
        xsave[..Mxcsr].Clear();
        xsave[X87Registers..XmmRegisters].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(xsave[ControlWord..], 0x37F);
    }
}
