namespace HvSdk.Devices.Virtio;

/// <summary>Addresses that a driver writes by halves.</summary>
internal static class GuestAddress
{
    public static ulong WithLow(ulong address, ulong low) => (address & ~(ulong)uint.MaxValue) | (uint)low;

    public static ulong WithHigh(ulong address, ulong high) => (address & uint.MaxValue) | (high << 32);
}
