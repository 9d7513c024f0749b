using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Clock;

/// <summary>A clock on a bench, and a guest that reads and writes its bytes. It is 2026-01-01 00:00:00 UTC, a Thursday.</summary>
internal sealed class ClockBench
{
    internal ClockBench(CmosClock? clock = null)
    {
        Clock = clock ?? new CmosClock();
        Bench.Attach(Clock);
    }

    internal CmosClock Clock { get; }

    internal DeviceBench Bench { get; } = new();

    internal RecordingLine Interrupt => Bench.Line(8);

    internal byte this[int index]
    {
        get
        {
            Bench.WritePort(0x70, (byte)index);
            return (byte)Bench.ReadPort(0x71);
        }

        set
        {
            Bench.WritePort(0x70, (byte)index);
            Bench.WritePort(0x71, value);
        }
    }

    /// <summary>Seconds, minutes, hours, day of the week, day, month, year, century.</summary>
    internal byte[] Time
    {
        get => [this[0], this[2], this[4], this[6], this[7], this[8], this[9], this[0x32]];
        set
        {
            int[] places = [0, 2, 4, 6, 7, 8, 9, 0x32];
            for (int i = 0; i < places.Length; i++)
            {
                this[places[i]] = value[i];
            }
        }
    }

    internal void Advance(double seconds) => Bench.Time.Advance(TimeSpan.FromSeconds(seconds));
}
