using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Clock;
using HvSdk.Devices.Emulated.PrimeCell;
using HvSdk.Devices.Emulated.Serial;
using HvSdk.Devices.Emulated.Streams;
using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

/// <summary>A serial port of an arm64 machine: the PrimeCell UART PL011 (Arm DDI 0183G), whose other end is a pair of pipes.</summary>
/// <remarks>
/// <para>
/// All registers and interrupts are those of the manual, but for the test registers and SIR, which are not there; requests for DMA are never made. Characters
/// do not take the time of the baud rate: they go as fast as the guest writes and reads them, with a gap of a millisecond after each 2048 that it receives without
/// one. What the guest writes leaves the transmitter when its FIFO is full, at the guest's next access to another register, or within a millisecond.
/// </para>
/// <para>
/// Nothing is lost in either direction as long as the guest heeds its UART. When the host does not read, the transmitter stays full (UARTFR, TXFF) once
/// <see cref="BufferSize"/> bytes wait; when the guest does not read, or has the receiver off, the host's flush waits. Until the host first asks for
/// <see cref="Pipe"/>'s input, nobody listens: then the newest <see cref="BufferSize"/> bytes are kept for whoever will, and the guest runs on, unless
/// <see cref="WaitsForReader"/> says otherwise.
/// </para>
/// <para>Any thread may call any member.</para>
/// </remarks>
/// <example>
/// <code>
/// using var serial = new SerialPortPl011 { Interrupt = partition.Interrupts.GetLine(1) };
/// partition.Mmio.Map(0x0900_0000, SerialPortPl011.WindowSize, serial);
/// ReadResult read = await serial.Pipe.Input.ReadAsync();
/// </code>
/// </example>
public sealed partial class SerialPortPl011 : IPlatformDevice, IBusDevice, IDisposable
{
    /// <summary>Bytes of its window of registers.</summary>
    public const ulong WindowSize = PrimeCellIdentity.WindowSize;

    /// <summary>UARTCLK in hertz. The baud rate is a sixteenth of it, divided by the divisor (3.2.2).</summary>
    public const uint ClockFrequency = 24_000_000;

    private const int LargeFifo = 32;
    private const int SmallFifo = 16;
    private const uint PartNumber = 0x011;

    private readonly Lock _gate = new();
    private readonly SerialWire _wire;
    private readonly ReceiverTimeout _timeout;
    private DeviceTime _time;
    private IInterruptLine? _interrupt;
    private ulong? _address;
    private int? _interruptLine;

    /// <summary>Makes a serial port as firmware leaves it.</summary>
    public SerialPortPl011()
    {
        _wire = new SerialWire(_gate, LargeFifo, () => TimeProvider, OnTransmitterTime, OnInputArrived);
        _timeout = new ReceiverTimeout(_gate, () => TimeProvider, OnTimeout);
        StartsEnabled = true;
    }

    /// <summary>Raised when the guest changes DTR, RTS or the break condition, on the thread of the vCPU.</summary>
    public event EventHandler? OutputsChanged;

    /// <summary>Its window's first GPA, a multiple of 4. Null, the default: wherever the machine has room; then the place can be read here once it is in a machine.</summary>
    public ulong? Address
    {
        get => _address;
        init => _address = value;
    }

    /// <summary>The number of its interrupt line (an SPI: INTID 32 and up is number 0 and up). Null, the default: any free one, which can be read here afterwards.</summary>
    public int? InterruptLine
    {
        get => _interruptLine;
        init => _interruptLine = value;
    }

    /// <summary>How many characters each FIFO holds: 32, the default, as revision r1p5 has it, or 16, as r1p4 had. Drivers tell the two by UARTPeriphID2.</summary>
    public int FifoSize
    {
        get;
        init => field = value is SmallFifo or LargeFifo
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"{nameof(FifoSize)} is {value}; a PL011 has FIFOs of {SmallFifo} or {LargeFifo} characters.");
    } = LargeFifo;

    /// <summary>
    /// True, the default: as firmware leaves it, enabled, with FIFOs, 115200 baud and 8 bits without parity, for guests that print before they set it up. False: as after
    /// a reset, when nothing leaves it until the guest has enabled it.
    /// </summary>
    public bool StartsEnabled
    {
        get;
        init
        {
            field = value;
            Start(value);
        }
    }

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

    /// <summary>Where UARTINTR goes, the interrupt of all sources: a level. A machine sets it.</summary>
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
    /// How many bytes of the guest were thrown away: the older ones of what nobody has read yet, what came after the reader was completed, what the
    /// guest wrote although its UART was full, and what it flushed itself.
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

    /// <summary>UARTPeriphID2's revision: r1p4 is 2, r1p5 is 3 (3.3.15).</summary>
    private uint Revision => FifoSize == LargeFifo ? 3u : 2u;

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _time.Machine = slot.TimeProvider;
        if (_address is { } address)
        {
            slot.MapMmio(address, WindowSize, this);
        }
        else
        {
            _address = slot.MapMmio(WindowSize, this);
        }

        slot.OnEnded(Dispose);
        if (_interruptLine is { } line)
        {
            Interrupt = slot.ConnectLine(line, InterruptSense.Level);
        }
        else
        {
            Interrupt = slot.ConnectLine(InterruptSense.Level, out int number);
            _interruptLine = number;
        }

        slot.Acpi = new AcpiIdentity { HardwareId = "ARMH0011" };
        slot.DeviceTree = new DeviceTreeIdentity
        {
            Compatible = ["arm,pl011", "arm,primecell"],
            NodeName = "serial",
            Clocks = [new("uartclk", ClockFrequency), new("apb_pclk", ClockFrequency)],
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
}
