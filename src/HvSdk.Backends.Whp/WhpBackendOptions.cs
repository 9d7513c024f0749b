namespace HvSdk.Backends.Whp;

/// <summary>What only the WHP backend can be told.</summary>
public sealed class WhpBackendOptions
{
    /// <summary>
    /// The library that holds the platform's functions, or null, the default, for WinHvPlatform.dll of Windows. Another one serves tests: with it
    /// the backend works on every x86-64 system that can load it.
    /// </summary>
    public string? LibraryPath { get; set; }

    /// <summary>
    /// Whether the local APICs of <see cref="InterruptControllerMode.PerVcpu"/> can be switched to x2APIC mode. Null, the default: where this
    /// Windows offers it. True asks for it, and creating a partition fails where it is not offered.
    /// </summary>
    public bool? X2Apic { get; set; }

    internal WhpBackendOptions Copy() => new() { LibraryPath = LibraryPath, X2Apic = X2Apic };

    internal void Validate()
    {
        if (LibraryPath is { Length: 0 })
        {
            throw new ArgumentException("The path of the library is empty. Name one, or set null for that of Windows.", nameof(LibraryPath));
        }
    }
}
