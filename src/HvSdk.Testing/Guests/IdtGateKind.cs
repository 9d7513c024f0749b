namespace HvSdk.Testing;

/// <summary>What a gate of an <see cref="IdtBuilder"/> does to the interrupt flag; the values are descriptor types.</summary>
public enum IdtGateKind
{
    /// <summary>Interrupts are off while the handler runs.</summary>
    Interrupt = 0xE,

    /// <summary>The interrupt flag stays as it is.</summary>
    Trap = 0xF,
}
