namespace HvSdk;

/// <summary>What the guest asks of the platform, or what the host found out about it.</summary>
public enum SystemEventKind
{
    /// <summary>Something that HvSdk gives no meaning; <see cref="VcpuExit.RawReason"/> holds the host's number.</summary>
    Unknown,

    /// <summary>Power off.</summary>
    PowerOff,

    /// <summary>Reset.</summary>
    Reset,

    /// <summary>The guest says that it has crashed.</summary>
    Crash,

    /// <summary>A suspended vCPU has an event to wake up for.</summary>
    Wakeup,

    /// <summary>Suspend to memory.</summary>
    Suspend,
}
