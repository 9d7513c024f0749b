namespace HvSdk.Devices.Emulated;

/// <summary>The state of an <see cref="IntervalTimer8254"/>. Its times are relative: the timer goes on where it was.</summary>
public sealed record IntervalTimerState
{
    /// <summary>Counters 0, 1 and 2.</summary>
    public required IReadOnlyList<TimerCounterState> Counters { get; init; }

    /// <summary>Bits 3 to 0 of the system control port, 0x61.</summary>
    public byte SystemControl { get; init; }

    /// <summary>Interrupts that are due and have not been raised. The timer that the state is loaded into keeps as many as its limit allows.</summary>
    public int LateTicks { get; init; }

    /// <summary>The level of the interrupt line.</summary>
    public bool IsAsserted { get; init; }

    internal void Validate()
    {
        StateField.RequireCount(Counters, 3, nameof(Counters));
        for (int i = 0; i < Counters.Count; i++)
        {
            Counters[i].Validate($"{nameof(Counters)}[{i}]");
        }

        StateField.Require(SystemControl, 0, 15, nameof(SystemControl));
        StateField.Require(LateTicks, 0, int.MaxValue, nameof(LateTicks));
    }
}

/// <summary>The state of one counter of an 8254. Ticks are those of its CLK.</summary>
public sealed record TimerCounterState
{
    /// <summary>Bits 5 to 0 of the control word: access, mode, BCD.</summary>
    public byte Control { get; init; } = 0x36;

    /// <summary>The level of GATE.</summary>
    public bool Gate { get; init; } = true;

    /// <summary>The count that was written last, 1 to 65536; 0: none since the control word.</summary>
    public int Reload { get; init; }

    /// <summary>Null count: what was written last has not been loaded.</summary>
    public bool IsNullCount { get; init; } = true;

    /// <summary>The tick from which on the written count may be loaded, from now; null: none waits.</summary>
    public long? TicksToLoad { get; init; }

    /// <summary>A count is loaded.</summary>
    public bool IsCounting { get; init; }

    /// <summary>The count that is loaded, 1 to 65536.</summary>
    public int Count { get; init; }

    /// <summary>How long ago it was loaded, without the time in which GATE has held it.</summary>
    public long ElapsedTicks { get; init; }

    /// <summary>What the counting element reads as while no count is loaded.</summary>
    public int IdleValue { get; init; }

    /// <summary>The next byte written is the high one.</summary>
    public bool WritesHighByte { get; init; }

    /// <summary>The next byte read is the high one.</summary>
    public bool ReadsHighByte { get; init; }

    /// <summary>The low byte that was written.</summary>
    public byte LowByte { get; init; }

    /// <summary>The count that is latched, or null.</summary>
    public ushort? LatchedCount { get; init; }

    /// <summary>The status that is latched, or null.</summary>
    public byte? LatchedStatus { get; init; }

    internal void Validate(string counter)
    {
        const int mostCount = 0x10000;
        const long mostTicks = 1L << 56;
        StateField.Require(Control, 0x10, 0x3F, $"{counter}.{nameof(Control)}");
        StateField.Require(Reload, TicksToLoad is null ? 0 : 1, mostCount, $"{counter}.{nameof(Reload)}");
        StateField.RequireLong(TicksToLoad ?? 0, -mostTicks, 1, $"{counter}.{nameof(TicksToLoad)}");
        StateField.Require(Count, IsCounting ? 1 : 0, mostCount, $"{counter}.{nameof(Count)}");
        StateField.RequireLong(ElapsedTicks, 0, mostTicks, $"{counter}.{nameof(ElapsedTicks)}");
        StateField.Require(IdleValue, 0, mostCount - 1, $"{counter}.{nameof(IdleValue)}");
    }
}
