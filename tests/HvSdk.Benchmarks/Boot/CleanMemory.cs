using System.Runtime.InteropServices;

namespace HvSdk.Benchmarks.Boot;

/// <summary>
/// Has the system clear the memory that it will give out next. A processor that QEMU emulates writes very slowly to pages that once held code which
/// it has translated: a boot right after another's would take up to two seconds longer, by chance, since the kernel gives out again what the last guest had.
/// </summary>
internal static unsafe class CleanMemory
{
    private const nuint Size = 400U << 20; // more than a guest touches until its userspace
    private const nuint Page = 4096;

    public static void Clean()
    {
        // SAFETY: within the block; it goes back to the system when it is freed, since it is large.
        byte* memory = (byte*)NativeMemory.Alloc(Size);
        for (nuint i = 0; i < Size; i += Page)
        {
            memory[i] = 1;
        }

        NativeMemory.Free(memory);
    }
}
