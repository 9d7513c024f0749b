using System.Buffers.Binary;

namespace HvSdk.Emulation;

/// <summary>Where the parts of x87, SSE and AVX state lie in <see cref="X64CpuState.Xsave"/> (Intel SDM vol. 1, 13.4).</summary>
internal static class VectorLayout
{
    internal const int ControlWord = 0;
    internal const int StatusWord = 2;
    internal const int TagByte = 4;
    internal const int Mxcsr = 24;
    internal const int X87Registers = 32;
    internal const int XmmRegisters = 160;
    internal const int StateComponents = 512;
    internal const int YmmHighHalves = 576;

    /// <summary>The state after reset: control word 0x37F, all x87 registers empty, MXCSR 0x1F80.</summary>
    internal static void Reset(Span<byte> xsave)
    {
        xsave.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(xsave[ControlWord..], 0x37F);
        BinaryPrimitives.WriteUInt32LittleEndian(xsave[Mxcsr..], 0x1F80);
    }
}
