namespace HvSdk;

/// <summary>Whether one backend can be used, and if not, why and what to do about it.</summary>
public sealed record BackendProbe
{
    private BackendProbe(string backendName, bool isAvailable, string reason, string remedy)
    {
        BackendName = backendName;
        IsAvailable = isAvailable;
        Reason = reason;
        Remedy = remedy;
    }

    /// <summary>Name of the backend.</summary>
    public string BackendName { get; }

    /// <summary>It can be used by this process, now.</summary>
    public bool IsAvailable { get; }

    /// <summary>Available: what was found. Otherwise: why not.</summary>
    public string Reason { get; }

    /// <summary>What to do about it; empty where it is available.</summary>
    public string Remedy { get; }

    /// <summary>A backend that can be used.</summary>
    /// <param name="backendName">Its name.</param>
    /// <param name="found">What was found.</param>
    public static BackendProbe Available(string backendName, string found) => new(backendName, true, found, "");

    /// <summary>A backend that cannot be used.</summary>
    /// <param name="backendName">Its name.</param>
    /// <param name="reason">Why not.</param>
    /// <param name="remedy">What to do.</param>
    public static BackendProbe Unavailable(string backendName, string reason, string remedy) => new(backendName, false, reason, remedy);

    /// <inheritdoc/>
    public override string ToString() => IsAvailable ? $"{BackendName}: available ({Reason})" : $"{BackendName}: not available. {Reason} {Remedy}";
}
