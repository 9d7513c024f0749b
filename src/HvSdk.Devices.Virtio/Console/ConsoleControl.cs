using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>struct virtio_console_control (virtio 1.2, 5.3.6.2): which port, what, and a number.</summary>
internal readonly record struct ConsoleControl(uint Port, ConsoleEvent Event, ushort Value)
{
    /// <summary>Bytes of one.</summary>
    public const int Size = 8;

    /// <summary>Bytes of struct virtio_console_resize, which follows a RESIZE.</summary>
    public const int ResizeSize = 4;

    public static ConsoleControl Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        (ConsoleEvent)BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Port);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], (ushort)Event);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], Value);
    }
}

/// <summary>What a control message says (virtio 1.2, 5.3.6.2).</summary>
internal enum ConsoleEvent : ushort
{
    /// <summary>VIRTIO_CONSOLE_DEVICE_READY, of the driver: it wants to hear of the ports; or, with value 0, it has failed.</summary>
    DeviceReady = 0,

    /// <summary>VIRTIO_CONSOLE_DEVICE_ADD: there is a port.</summary>
    DeviceAdd = 1,

    /// <summary>VIRTIO_CONSOLE_DEVICE_REMOVE: a port has gone.</summary>
    DeviceRemove = 2,

    /// <summary>VIRTIO_CONSOLE_PORT_READY, of the driver: a port can be used; or, with value 0, it has failed.</summary>
    PortReady = 3,

    /// <summary>VIRTIO_CONSOLE_CONSOLE_PORT: the port is a console.</summary>
    ConsolePort = 4,

    /// <summary>VIRTIO_CONSOLE_RESIZE: the port's terminal has another size.</summary>
    Resize = 5,

    /// <summary>VIRTIO_CONSOLE_PORT_OPEN, of both: the port is open (1) or closed (0) on the sender's side.</summary>
    PortOpen = 6,

    /// <summary>VIRTIO_CONSOLE_PORT_NAME: the port's name.</summary>
    PortName = 7,
}

/// <summary>Messages that a driver shall get about one port. They are states, so that each is due once, however often it changes: what a driver leaves unread cannot grow.</summary>
[Flags]
internal enum DueMessages
{
    None = 0,
    Remove = 1 << 0,
    Add = 1 << 1,
    ConsolePort = 1 << 2,
    Name = 1 << 3,
    Resize = 1 << 4,
    Open = 1 << 5,
}
