using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>An 8254 at the standard ports, and a time that moves on by ticks of its clock.</summary>
internal sealed class TimerBench
{
    private readonly DeviceBench _bench = new();
    private long _ticks;

    internal TimerBench(IntervalTimer8254? timer = null)
    {
        Timer = timer ?? new IntervalTimer8254();
        _bench.Attach(Timer);
    }

    internal IntervalTimer8254 Timer { get; }

    internal DeviceBench Bench => _bench;

    internal ManualTimeProvider Time => _bench.Time;

    internal RecordingLine Line => _bench.Line(0);

    /// <summary>OUT of counter 2, in the system control port.</summary>
    internal bool Output2 => (_bench.ReadPort(0x61) & 0x20) != 0;

    /// <summary>To the first 100 ns after which so many ticks more have passed.</summary>
    internal void Tick(long count = 1)
    {
        _ticks += count;
        long target = ((_ticks * 11 * TimeSpan.TicksPerSecond) + 13_125_000 - 1) / 13_125_000;
        Time.Advance(new TimeSpan(target - Time.GetTimestamp()));
    }

    /// <summary>Programs a counter with both bytes of a count.</summary>
    internal void Program(int counter, int mode, int count, bool bcd = false)
    {
        Control((byte)((counter << 6) | 0x30 | (mode << 1) | (bcd ? 1 : 0)));
        Write(counter, (byte)count);
        Write(counter, (byte)(count >> 8));
    }

    internal void Gate2(bool gate) => _bench.WritePort(0x61, gate ? 1UL : 0);

    internal void Control(byte value) => _bench.WritePort(0x43, value);

    internal void Write(int counter, byte value) => _bench.WritePort((ushort)(0x40 + counter), value);

    internal byte ReadByte(int counter) => (byte)_bench.ReadPort((ushort)(0x40 + counter));

    /// <summary>Reads both bytes.</summary>
    internal int Read(int counter)
    {
        int low = ReadByte(counter);
        return low | (ReadByte(counter) << 8);
    }

    /// <summary>OUT of a counter, by a read-back of its status.</summary>
    internal bool Output(int counter) => (Status(counter) & 0x80) != 0;

    internal byte Status(int counter)
    {
        Control((byte)(0xE0 | (2 << counter)));
        return ReadByte(counter);
    }

    /// <summary>OUT of counter 2 at so many successive ticks from now on, a character each.</summary>
    internal string Wave(int ticks)
    {
        char[] wave = new char[ticks];
        for (int i = 0; i < ticks; i++)
        {
            wave[i] = Output2 ? 'H' : '.';
            Tick();
        }

        return new string(wave);
    }
}
