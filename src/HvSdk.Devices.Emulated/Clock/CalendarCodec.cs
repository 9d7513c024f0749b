using static HvSdk.Devices.Emulated.Clock.ClockBits;

namespace HvSdk.Devices.Emulated.Clock;

/// <summary>The ten time bytes and the century, in the modes that register B chooses (MC146818A data sheet, table 3).</summary>
internal static class CalendarCodec
{
    /// <summary>Writes a date and time into the registers.</summary>
    /// <param name="memory">The clock's memory.</param>
    /// <param name="mode">Register B.</param>
    /// <param name="time">The time.</param>
    /// <param name="dayOfWeek">0 to 6, 0 is Sunday.</param>
    internal static void Encode(Span<byte> memory, byte mode, DateTime time, int dayOfWeek)
    {
        memory[Seconds] = ToByte(time.Second, mode);
        memory[Minutes] = ToByte(time.Minute, mode);
        memory[Hours] = ToHours(time.Hour, mode);
        memory[WeekDay] = ToByte(dayOfWeek + 1, mode);
        memory[DayOfMonth] = ToByte(time.Day, mode);
        memory[Month] = ToByte(time.Month, mode);
        memory[Year] = ToByte(time.Year % 100, mode);
        memory[Century] = ToBcd(time.Year / 100); // always BCD: it is a byte of the firmware's, not of the chip's
    }

    /// <summary>Reads the registers; what is no date becomes the nearest that is.</summary>
    internal static DateTime Decode(ReadOnlySpan<byte> memory, byte mode)
    {
        int year = int.Clamp((FromBcd(memory[Century]) * 100) + (FromByte(memory[Year], mode) % 100), 1, 9999);
        int month = int.Clamp(FromByte(memory[Month], mode), 1, 12);
        int day = int.Clamp(FromByte(memory[DayOfMonth], mode), 1, DateTime.DaysInMonth(year, month));
        return new DateTime(
            year,
            month,
            day,
            int.Min(FromHours(memory[Hours], mode), 23),
            int.Min(FromByte(memory[Minutes], mode), 59),
            int.Min(FromByte(memory[Seconds], mode), 59),
            DateTimeKind.Unspecified);
    }

    /// <summary>The next second of a day at which the alarm goes off, counted from a second of a day; null: never.</summary>
    /// <returns>1 to 86,400 seconds.</returns>
    internal static int? UntilAlarm(ReadOnlySpan<byte> memory, byte mode, int secondOfDay)
    {
        int? seconds = ToAlarm(memory[SecondsAlarm], FromByte(memory[SecondsAlarm], mode));
        int? minutes = ToAlarm(memory[MinutesAlarm], FromByte(memory[MinutesAlarm], mode));
        int? hours = ToAlarm(memory[HoursAlarm], FromHours(memory[HoursAlarm], mode));
        int time = secondOfDay + 1;
        while (time <= secondOfDay + 86_400)
        {
            // Each step goes to the next hour, minute or second that may be the one.
            if (hours is { } hour && time / 3600 % 24 != hour)
            {
                time = ((time / 3600) + 1) * 3600;
            }
            else if (minutes is { } minute && time / 60 % 60 != minute)
            {
                time = ((time / 60) + 1) * 60;
            }
            else if (seconds is { } second && time % 60 != second)
            {
                time++;
            }
            else
            {
                return time - secondOfDay;
            }
        }

        return null;
    }

    internal static int FromByte(byte value, byte mode) => (mode & Binary) != 0 ? value : FromBcd(value);

    private static int? ToAlarm(byte raw, int value) => (raw & AnyValue) == AnyValue ? null : value;

    private static byte ToByte(int value, byte mode) => (mode & Binary) != 0 ? (byte)value : ToBcd(value);

    private static byte ToBcd(int value) => (byte)((value / 10 * 16) + (value % 10));

    private static int FromBcd(byte value) => ((value >> 4) * 10) + (value & 0x0F);

    private static byte ToHours(int hour, byte mode)
    {
        if ((mode & Hours24) != 0)
        {
            return ToByte(hour, mode);
        }

        int hour12 = hour % 12 == 0 ? 12 : hour % 12;
        return (byte)(ToByte(hour12, mode) | (hour >= 12 ? Pm : 0));
    }

    private static int FromHours(byte value, byte mode)
    {
        if ((mode & Hours24) != 0)
        {
            return FromByte(value, mode);
        }

        int hour = FromByte((byte)(value & ~Pm), mode) % 12;
        return hour + ((value & Pm) != 0 ? 12 : 0);
    }
}
