namespace HvSdk.Devices.Emulated.Clock;

/// <summary>Registers of the MC146818A and their bits (Motorola MC146818A data sheet, figures 9 to 17).</summary>
internal static class ClockBits
{
    internal const int Seconds = 0;
    internal const int SecondsAlarm = 1;
    internal const int Minutes = 2;
    internal const int MinutesAlarm = 3;
    internal const int Hours = 4;
    internal const int HoursAlarm = 5;
    internal const int WeekDay = 6;
    internal const int DayOfMonth = 7;
    internal const int Month = 8;
    internal const int Year = 9;
    internal const int A = 10;
    internal const int B = 11;
    internal const int C = 12;
    internal const int D = 13;
    internal const int FirstFree = 14;
    internal const int Century = 0x32;

    // Register A
    internal const byte UpdateInProgress = 1 << 7;
    internal const byte DividerMask = 0x70;
    internal const byte DividerNormal = 0x20;
    internal const byte RateMask = 0x0F;

    // Register B
    internal const byte Set = 1 << 7;
    internal const byte PeriodicEnable = 1 << 6;
    internal const byte AlarmEnable = 1 << 5;
    internal const byte UpdateEnable = 1 << 4;
    internal const byte Binary = 1 << 2;
    internal const byte Hours24 = 1 << 1;

    // Register C
    internal const byte InterruptRequest = 1 << 7;
    internal const byte PeriodicFlag = 1 << 6;
    internal const byte AlarmFlag = 1 << 5;
    internal const byte UpdateFlag = 1 << 4;
    internal const byte FlagMask = PeriodicFlag | AlarmFlag | UpdateFlag;

    // Register D
    internal const byte ValidRam = 1 << 7;

    /// <summary>PM, in the hours of the 12-hour mode.</summary>
    internal const byte Pm = 1 << 7;

    /// <summary>Both bits set in an alarm byte: any value does.</summary>
    internal const byte AnyValue = 0xC0;
}
