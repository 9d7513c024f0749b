namespace HvSdk.Backends.Whp.Interop;

/// <summary>Bit fields, which C# does not have.</summary>
internal static class WhvBits
{
    internal static uint Get(ulong bits, int first, int count) => (uint)((bits >> first) & Mask(count));

    internal static ulong Set(ulong bits, int first, int count, uint value) => (bits & ~(Mask(count) << first)) | ((value & Mask(count)) << first);

    internal static uint Set(uint bits, int first, int count, uint value) => (uint)Set((ulong)bits, first, count, value);

    internal static ushort Set(ushort bits, int first, int count, uint value) => (ushort)Set((ulong)bits, first, count, value);

    private static ulong Mask(int count) => (1UL << count) - 1;
}
