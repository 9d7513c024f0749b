namespace HvSdk.Devices.Emulated;

/// <summary>The state of a <see cref="PowerManagement"/>.</summary>
public sealed record PowerManagementState
{
    /// <summary>PM1 status.</summary>
    public ushort Status { get; init; }

    /// <summary>PM1 enable.</summary>
    public ushort Enable { get; init; }

    /// <summary>PM1 control.</summary>
    public ushort Control { get; init; }

    /// <summary>The PM timer, all 32 bits of it.</summary>
    public uint TimerValue { get; init; }

    /// <summary>The status registers of GPE0, as many as the device has.</summary>
    public required IReadOnlyList<byte> EventStatus { get; init; }

    /// <summary>The enable registers of GPE0, as many as the device has.</summary>
    public required IReadOnlyList<byte> EventEnable { get; init; }
}
