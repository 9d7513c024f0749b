using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Clock;
using HvSdk.Devices.Emulated.Serial;
using HvSdk.Devices.Emulated.Streams;

namespace HvSdk.Devices.Emulated;

/// <summary>A serial port: the 16550A UART (National PC16550D data sheet, June 1995), whose other end is a pair of pipes.</summary>
/// <remarks>
/// <para>
/// All registers and interrupts are those of the data sheet. Characters do not take the time of the baud rate: they go as fast as the guest writes
/// and reads them, with a gap of a millisecond after each 2048 that it receives without one. What the guest writes leaves the transmitter when its FIFO is full, at the guest's next access to another register, or within a
/// millisecond.
/// </para>
/// <para>
/// Nothing is lost in either direction as long as the guest heeds its UART. When the host does not read, the transmitter stays full (LSR bit 5 stays
/// 0) once <see cref="BufferSize"/> bytes wait; when the guest does not read, the host's flush waits. Until the host first asks for
/// <see cref="Pipe"/>'s input, nobody listens: then the newest <see cref="BufferSize"/> bytes are kept for whoever will, and the guest runs on, unless
/// <see cref="WaitsForReader"/> says otherwise. A host that wants no output and has asked for it completes the reader.
/// </para>
/// <para>Any thread may call any member.</para>
/// </remarks>
/// <example>
/// <code>
/// var serial = new SerialPort16550A();
/// partition.Ports.Map(serial.Port, SerialPort16550A.PortCount, serial);
/// ReadResult read = await serial.Pipe.Input.ReadAsync();
/// await serial.Pipe.Output.WriteAsync("root\n"u8.ToArray());
/// </code>
/// </example>
public sealed partial class SerialPort16550A : IPlatformDevice, IBusDevice, IDisposable
{
    /// <summary>How many ports the UART has.</summary>
    public const int PortCount = 8;

    private readonly Lock _gate = new();
    private readonly SerialWire _wire;
    private readonly ReceiverTimeout _timeout;
    private DeviceTime _time;
    private IInterruptLine? _interrupt;

    /// <summary>Makes a serial port at the place of a PC's first.</summary>
    public SerialPort16550A()
    {
        _wire = new SerialWire(_gate, FifoSize, () => TimeProvider, OnTransmitterTime, OnInputArrived);
        _timeout = new ReceiverTimeout(_gate, () => TimeProvider, OnTimeout);
    }

    /// <summary>Raised when the guest changes DTR, RTS or the break condition, on the thread of the vCPU.</summary>
    public event EventHandler? OutputsChanged;

    /// <summary>The first of its ports. Default: 0x3F8, COM1.</summary>
    public ushort Port { get; init; } = 0x3F8;

    /// <summary>The number of its interrupt line. Default: 4, COM1.</summary>
    public int InterruptLine { get; init; } = 4;

    /// <summary>How many bytes wait in each direction before the other side has to, give or take a batch (4 KiB). 64 bytes to 1 GiB; default: 64 KiB.</summary>
    public int BufferSize
    {
        get => _wire.BufferSize;
        init => _wire.BufferSize = value;
    }

    /// <summary>True: the guest waits for a reader from its first byte on. False, the default: until one comes, the newest bytes are kept and the guest runs on.</summary>
    public bool WaitsForReader
    {
        get => _wire.WaitsForReader;
        init => _wire.WaitsForReader = value;
    }

    /// <summary>The time that the receiver's timeout is measured in. Default: the machine's, or the host's where there is no machine.</summary>
    public TimeProvider TimeProvider
    {
        get => _time.Value;
        set => _time.Value = value;
    }

    /// <summary>Where the interrupt goes, gated by OUT2 as on a PC. A machine sets it.</summary>
    public IInterruptLine? Interrupt
    {
        get => _interrupt;
        set
        {
            lock (_gate)
            {
                _interrupt = value;
                value?.Set(_level);
            }
        }
    }

    /// <summary>The host's side: it reads what the guest wrote and writes what the guest will read.</summary>
    public IDuplexPipe Pipe => _wire;

    /// <summary>
    /// How many bytes of the guest were thrown away: the older ones of what nobody has read yet, what came after the reader was completed, and what the
    /// guest wrote although its UART was full.
    /// </summary>
    public long DiscardedBytes
    {
        get
        {
            lock (_gate)
            {
                return _wire.DiscardedBytes;
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _time.Machine = slot.TimeProvider;
        slot.MapPorts(Port, PortCount, this);
        slot.OnEnded(Dispose);
        Interrupt = slot.ConnectLine(InterruptLine, InterruptSense.Edge);
        slot.Acpi = new AcpiIdentity { HardwareId = "PNP0501", UniqueId = UniqueId };
        slot.DeviceTree = new DeviceTreeIdentity
        {
            Compatible = ["ns16550a"],
            NodeName = "serial",
            Properties =
            [
                new("clock-frequency", DeviceTreeValue.Of(ClockFrequency)),
                new("current-speed", DeviceTreeValue.Of(115_200u)),
            ],
        };
    }

    /// <summary>Ends both pipes: the host's reader gets what is left and then the end, its writer is told that nobody reads any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            Settle();
            _timeout.Dispose();
        }

        _wire.Dispose();
    }

    /// <summary>COM1 to COM4 are numbered as firmware does; any other port is its own number.</summary>
    private int UniqueId => Port switch
    {
        0x3F8 => 1,
        0x2F8 => 2,
        0x3E8 => 3,
        0x2E8 => 4,
        _ => Port,
    };
}
