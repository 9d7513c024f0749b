using System.Runtime.InteropServices;

namespace HvSdk.Backends.Whp.Interop;

/// <summary>
/// The native memory of one virtual processor: the exit block, and names and values of a batch of registers, aligned to 16 bytes as the header
/// asks. C# aligns locals of such structures to 8.
/// </summary>
internal sealed unsafe class WhvScratch : SafeHandle
{
    /// <summary>Registers in one batch.</summary>
    internal const int Capacity = 128;

    private const int Alignment = 64;
    private const int ExitSize = 256;
    private const int NamesSize = Capacity * sizeof(uint);
    private const int ValuesSize = Capacity * 16;
    private const int DataSize = 64;

    private static int s_live;

    internal WhvScratch()
        : base(0, ownsHandle: true)
    {
        const nuint size = ExitSize + NamesSize + ValuesSize + DataSize;

        // SAFETY: freed by ReleaseHandle alone.
        handle = (nint)NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear((void*)handle, size);
        Interlocked.Increment(ref s_live);
    }

    /// <summary>How many exist; a test counts them.</summary>
    internal static int Live => Volatile.Read(ref s_live);

    public override bool IsInvalid => handle == 0;

    // SAFETY: all four lie within the block, and hold until it is disposed of, which the vCPU does last.
    internal WHV_RUN_VP_EXIT_CONTEXT* Exit => (WHV_RUN_VP_EXIT_CONTEXT*)handle;

    internal WHV_REGISTER_NAME* Names => (WHV_REGISTER_NAME*)(handle + ExitSize);

    internal WHV_REGISTER_VALUE* Values => (WHV_REGISTER_VALUE*)(handle + ExitSize + NamesSize);

    /// <summary>Bytes of an access that the backend completes itself.</summary>
    internal byte* Data => (byte*)(handle + ExitSize + NamesSize + ValuesSize);

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        Interlocked.Decrement(ref s_live);
        return true;
    }
}
