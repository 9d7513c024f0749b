namespace HvSdk.Devices;

/// <summary>The MSI-X messages of a PCI device (PCI 3.0, 6.8.2). Any thread may call, at any time, with locks of the device held. Nothing is allocated.</summary>
public interface IPciMessages
{
    /// <summary>How many vectors there are.</summary>
    int Count { get; }

    /// <summary>The guest has enabled MSI-X. While it has not, a device uses its interrupt pin.</summary>
    bool IsEnabled { get; }

    /// <summary>Sends a vector's message. Where it is masked, or the device is no bus master, it stays pending and is sent once that ends.</summary>
    /// <param name="vector">The vector. One beyond <see cref="Count"/> is ignored: it comes from a guest.</param>
    /// <returns>False where nothing was sent nor made pending: MSI-X is disabled, or there is no such vector.</returns>
    bool Signal(int vector);

    /// <summary>Says whether a vector's messages are held back: by its own mask or that of the function, or as MSI-X is disabled.</summary>
    /// <param name="vector">The vector; one beyond <see cref="Count"/> is masked.</param>
    bool IsMasked(int vector);

    /// <summary>Says whether a vector's message is pending.</summary>
    /// <param name="vector">The vector; one beyond <see cref="Count"/> is not.</param>
    bool IsPending(int vector);
}
