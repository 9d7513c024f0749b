namespace HvSdk.Devices.Virtio;

/// <summary>A connection of a <see cref="VsockDevice"/> could not be made, or has broken.</summary>
public sealed class VsockException : IOException
{
    /// <summary>Makes one.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="message">The same in words.</param>
    public VsockException(VsockError error, string message)
        : base(message)
    {
        Error = error;
    }

    /// <summary>What happened.</summary>
    public VsockError Error { get; }
}

/// <summary>Why a connection could not be made, or has broken.</summary>
public enum VsockError
{
    /// <summary>No driver has the device in use: the guest has not come that far, or has ended.</summary>
    NoDriver,

    /// <summary>The guest refused: nobody listens on the port.</summary>
    Refused,

    /// <summary>The guest did not answer in time.</summary>
    TimedOut,

    /// <summary>As many connections as the device allows exist already.</summary>
    TooManyConnections,

    /// <summary>The guest has reset the connection.</summary>
    Reset,

    /// <summary>The guest broke the protocol, and the device has reset the connection.</summary>
    ProtocolViolation,

    /// <summary>The host has reset the connection.</summary>
    Aborted,

    /// <summary>The guest's driver has reset the device, or the machine has ended.</summary>
    DeviceReset,
}
