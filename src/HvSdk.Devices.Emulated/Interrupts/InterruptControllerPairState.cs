namespace HvSdk.Devices.Emulated;

/// <summary>The state of an <see cref="InterruptControllerPair"/>.</summary>
public sealed record InterruptControllerPairState
{
    /// <summary>The master.</summary>
    public required Pic8259AState Master { get; init; }

    /// <summary>The slave.</summary>
    public required Pic8259AState Slave { get; init; }
}

/// <summary>The state of one 8259A.</summary>
public sealed record Pic8259AState
{
    /// <summary>The interrupt request register, IRR.</summary>
    public byte Requests { get; init; }

    /// <summary>The in-service register, ISR.</summary>
    public byte InService { get; init; }

    /// <summary>The interrupt mask register, IMR.</summary>
    public byte Mask { get; init; }

    /// <summary>The levels of the inputs.</summary>
    public byte Lines { get; init; }

    /// <summary>The edge/level control register, ELCR.</summary>
    public byte EdgeLevel { get; init; }

    /// <summary>The vector of input 0, of ICW2.</summary>
    public byte VectorBase { get; init; }

    /// <summary>The input with the lowest priority, 0 to 7.</summary>
    public int LowestPriority { get; init; } = 7;

    /// <summary>The initialization command word that comes next, 2 to 4; 0: the chip is initialized, or was never.</summary>
    public int InitializationStep { get; init; }

    /// <summary>LTIM of ICW1.</summary>
    public bool IsLevelTriggered { get; init; }

    /// <summary>SNGL of ICW1.</summary>
    public bool IsSingle { get; init; }

    /// <summary>IC4 of ICW1.</summary>
    public bool ExpectsIcw4 { get; init; }

    /// <summary>AEOI of ICW4.</summary>
    public bool AutomaticEnd { get; init; }

    /// <summary>An automatic end of interrupt rotates the priorities.</summary>
    public bool RotatesOnAutomaticEnd { get; init; }

    /// <summary>Special mask mode.</summary>
    public bool SpecialMask { get; init; }

    /// <summary>SFNM of ICW4.</summary>
    public bool SpecialFullyNested { get; init; }

    /// <summary>The next read is a poll.</summary>
    public bool Polls { get; init; }

    /// <summary>A read gives the in-service register.</summary>
    public bool ReadsInService { get; init; }

    internal void Validate(string chip)
    {
        StateField.Require(LowestPriority, 0, 7, $"{chip}.{nameof(LowestPriority)}");
        if (InitializationStep != 0)
        {
            StateField.Require(InitializationStep, 2, 4, $"{chip}.{nameof(InitializationStep)}");
        }
    }
}
