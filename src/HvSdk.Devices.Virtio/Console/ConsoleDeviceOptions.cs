namespace HvSdk.Devices.Virtio;

/// <summary>Which ports a <see cref="ConsoleDevice"/> has.</summary>
public sealed record ConsoleDeviceOptions
{
    /// <summary>The ports, in the order of their numbers. At least one, the first of them a console; a driver without VIRTIO_CONSOLE_F_MULTIPORT sees this one alone.</summary>
    public IReadOnlyList<ConsolePortOptions> Ports { get; init; } = [new ConsolePortOptions { IsConsole = true }];

    /// <summary>How many ports there may be at a time, those included that are added later: from the number of <see cref="Ports"/> to 64. Default, null: that number.</summary>
    public int? MaxPorts { get; init; }

    /// <summary>
    /// True: messages of a resized console have the rows before the columns, as older Linux takes them, and not as virtio 1.2, 5.3.6.2 has them
    /// (Debian's 6.1.192 takes columns first). Concerns devices with several ports alone. Default: false.
    /// </summary>
    public bool SendsRowsFirst { get; init; }
}

/// <summary>One port of a <see cref="ConsoleDevice"/>.</summary>
public sealed record ConsolePortOptions
{
    /// <summary>
    /// The name that a guest finds the port by (Linux with udev: /dev/virtio-ports/NAME), or null: none. 1 to 100 ASCII letters, digits, '.', '-', '_', ':', '@' and '+', not
    /// "." or "..", and no other port's.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>True: a terminal (Linux: hvc0 and further). False, the default: a plain stream (Linux: /dev/vportNpM).</summary>
    public bool IsConsole { get; init; }

    /// <summary>How many bytes wait in each direction before the other side has to. 64 bytes to 1 GiB; default: 64 KiB.</summary>
    public int BufferSize { get; init; } = 64 * 1024;

    /// <summary>True: the guest waits for a reader from its first byte on. False, the default: until one comes, the newest bytes are kept and the guest runs on.</summary>
    public bool WaitsForReader { get; init; }

    /// <summary>Columns of the terminal at first, 0 to 65535; 0: not known. Default: 80.</summary>
    public int Columns { get; init; } = 80;

    /// <summary>Rows of the terminal at first, 0 to 65535; 0: not known. Default: 24.</summary>
    public int Rows { get; init; } = 24;
}
