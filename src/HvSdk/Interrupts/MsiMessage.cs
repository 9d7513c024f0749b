namespace HvSdk;

/// <summary>A message-signalled interrupt: the write that a device would make (PCI 3.0, 6.8.1; on x64 its fields are Intel SDM vol. 3A, 11.11).</summary>
/// <param name="Address">Where it writes.</param>
/// <param name="Data">What it writes.</param>
public readonly record struct MsiMessage(ulong Address, uint Data)
{
    private const ulong X64Base = 0xFEE0_0000;

    /// <summary>The message of a fixed, edge-triggered interrupt to one x64 vCPU.</summary>
    /// <param name="vector">The vector, 16 to 255.</param>
    /// <param name="apicId">The local APIC's ID, 0 to 254.</param>
    public static MsiMessage ForX64(byte vector, byte apicId = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vector, 16);
        ArgumentOutOfRangeException.ThrowIfEqual(apicId, byte.MaxValue);
        return new(X64Base | ((ulong)apicId << 12), vector);
    }
}
