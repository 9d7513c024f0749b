namespace HvSdk.Devices.Emulated.Clock;

/// <summary>Registers and bits of the PL031 (Arm DDI 0224C, table 3-1 and 3.3).</summary>
internal static class Pl031Bits
{
    internal const ulong DataRegister = 0x000; // RTCDR
    internal const ulong MatchRegister = 0x004; // RTCMR
    internal const ulong LoadRegister = 0x008; // RTCLR
    internal const ulong ControlRegister = 0x00C; // RTCCR
    internal const ulong InterruptMaskRegister = 0x010; // RTCIMSC
    internal const ulong RawInterruptRegister = 0x014; // RTCRIS
    internal const ulong MaskedInterruptRegister = 0x018; // RTCMIS
    internal const ulong InterruptClearRegister = 0x01C; // RTCICR

    /// <summary>RTCCR: the clock runs (3.3.4).</summary>
    internal const uint Start = 1 << 0;

    /// <summary>The one interrupt, in RTCIMSC, RTCRIS, RTCMIS and RTCICR (3.3.5 to 3.3.8).</summary>
    internal const uint MatchInterrupt = 1 << 0;
}
