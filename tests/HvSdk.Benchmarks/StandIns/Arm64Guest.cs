using HvSdk.Testing;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>An AArch64 guest that stores to a device register and loads from it in turn, and leaves by HVC at the end of a batch. hvf.c has the same numbers.</summary>
internal static class Arm64Guest
{
    internal const ulong Ram = 0x4000_0000;
    internal const ulong RamSize = 0x10_0000;

    private const int Unrolled = 64;

    internal static byte[] Accesses(int exits)
    {
        const int device = 1;
        const int value = 2;
        const int count = 3;
        var guest = new Arm64Assembler(Ram);
        Arm64Label start = new();
        Arm64Label again = new();
        guest.Mov(device, Guests.DeviceAddress);
        guest.Mark(start);
        guest.Mov(count, (ulong)(exits / Unrolled));
        guest.Mark(again);
        for (int i = 0; i < Unrolled / 2; i++)
        {
            guest.Str(value, device, 1);
            guest.Ldr(value, device, 1);
        }

        guest.Sub(count, count, 1);
        guest.Cbnz(count, again);
        guest.Hvc(0);
        guest.B(start);
        return guest.ToArray();
    }
}
