namespace HvSdk.Devices.Emulated;

/// <summary>The state of an <see cref="IoApic"/>.</summary>
public sealed record IoApicState
{
    /// <summary>IOREGSEL.</summary>
    public byte Selected { get; init; }

    /// <summary>The APIC ID, 0 to 15.</summary>
    public byte Id { get; init; }

    /// <summary>The levels of the inputs, bit 0 for input 0.</summary>
    public uint Lines { get; init; }

    /// <summary>The redirection table, 24 entries.</summary>
    public required IReadOnlyList<ulong> Entries { get; init; }
}
