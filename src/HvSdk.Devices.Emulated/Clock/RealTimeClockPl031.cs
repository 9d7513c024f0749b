using HvSdk.Devices.Emulated.Clock;
using HvSdk.Devices.Emulated.PrimeCell;

namespace HvSdk.Devices.Emulated;

/// <summary>The clock of an arm64 machine: the PrimeCell real time clock PL031 (Arm DDI 0224C), a counter of seconds with one alarm.</summary>
/// <remarks>
/// It runs from the start, and counts the seconds since 1970-01-01 00:00 UTC of the host, until the guest sets it; then the distance is kept. The counter has 32 bits and
/// starts again at 0 in February 2106. The test registers are not there. Any thread may call any member.
/// </remarks>
/// <example>
/// <code>
/// using var clock = new RealTimeClockPl031 { Interrupt = partition.Interrupts.GetLine(2) };
/// partition.Mmio.Map(0x0901_0000, RealTimeClockPl031.WindowSize, clock);
/// </code>
/// </example>
public sealed partial class RealTimeClockPl031 : IPlatformDevice, IBusDevice, IDisposable
{
    /// <summary>Bytes of its window of registers.</summary>
    public const ulong WindowSize = PrimeCellIdentity.WindowSize;

    /// <summary>PCLK in hertz, of which the tree tells the guest; the counter's own is 1 Hz.</summary>
    private const uint BusClockFrequency = 24_000_000;

    private const uint PartNumber = 0x031;

    /// <summary>RTCPeriphID2's revision (3.3.9).</summary>
    private const uint Revision = 0;

    private readonly Lock _gate = new();
    private DeviceTime _time;
    private IInterruptLine? _interrupt;
    private ulong? _address;
    private int? _interruptLine;
    private bool _isDisposed;

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

    /// <summary>The time. Default: the machine's, or the host's where there is no machine. Set it before the clock is used.</summary>
    public TimeProvider TimeProvider
    {
        get => _time.Value;
        set => _time.Value = value;
    }

    /// <summary>Where RTCINTR goes: a level. A machine sets it.</summary>
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

        if (_interruptLine is { } line)
        {
            Interrupt = slot.ConnectLine(line, InterruptSense.Level);
        }
        else
        {
            Interrupt = slot.ConnectLine(InterruptSense.Level, out int number);
            _interruptLine = number;
        }

        slot.DeviceTree = new DeviceTreeIdentity
        {
            Compatible = ["arm,pl031", "arm,primecell"],
            NodeName = "rtc",
            Clocks = [new("apb_pclk", BusClockFrequency)],
        };
    }

    /// <summary>Stops its timer.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }
}
