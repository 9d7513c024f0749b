namespace HvSdk.Devices.Emulated;

/// <summary>What becomes of the interrupts of a periodic timer whose time has passed before the host could raise them.</summary>
public enum LateTickPolicy
{
    /// <summary>They are made up for at twice the pace, up to a limit: a guest that counts ticks keeps its time.</summary>
    CatchUp,

    /// <summary>They are lost: for guests that read the time from elsewhere.</summary>
    Discard,
}
