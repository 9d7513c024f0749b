namespace HvSdk.Backends.Hvf;

/// <summary>What only the HVF backend can be told.</summary>
public sealed class HvfBackendOptions
{
    /// <summary>
    /// The library that holds the framework's functions, or null, the default, for that of macOS. Another one serves tests: with it the backend
    /// works on every system that can load it.
    /// </summary>
    public string? LibraryPath { get; set; }

    internal HvfBackendOptions Copy() => new() { LibraryPath = LibraryPath };

    internal void Validate()
    {
        if (LibraryPath is { Length: 0 })
        {
            throw new ArgumentException("The path of the library is empty. Name one, or set null for that of macOS.", nameof(LibraryPath));
        }
    }
}
