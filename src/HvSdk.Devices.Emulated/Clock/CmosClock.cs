using HvSdk.Devices.Emulated.Clock;
using static HvSdk.Devices.Emulated.Clock.ClockBits;

namespace HvSdk.Devices.Emulated;

/// <summary>The clock of a PC and its battery-backed memory: an MC146818A (Motorola MC146818A data sheet) with 128 bytes.</summary>
/// <remarks>
/// The time is the host's until the guest sets its own; then the distance is kept. An update takes no time, so that the time is unreadable for the 244
/// microseconds before it only (data sheet, figure 16: update in progress), and a guest that looks after the bit never waits long. Periodic
/// interrupts come as often as the host's timers go off, about a thousand times a second; quicker ones are merged. Daylight saving (register B, bit 0)
/// is kept as a bit, as PC chipsets do, and changes nothing. Any thread may call any member.
/// </remarks>
/// <example>
/// <code>
/// var clock = new CmosClock { UseLocalTime = true };
/// clock.SetMemorySize(below4GiB: 2UL &lt;&lt; 30, above4GiB: 0);
/// partition.Ports.Map(clock.Port, CmosClock.PortCount, clock);
/// </code>
/// </example>
public sealed partial class CmosClock : IPlatformDevice, IBusDevice, IDisposable
{
    /// <summary>How many ports the clock has: the index and the byte.</summary>
    public const int PortCount = 2;

    /// <summary>Bytes of memory, the clock's registers among them.</summary>
    public const int MemorySize = 128;

    private readonly Lock _gate = new();
    private DeviceTime _time;
    private IInterruptLine? _interrupt;
    private bool _isDisposed;

    /// <summary>The first of its two ports. Default: 0x70.</summary>
    public ushort Port { get; init; } = 0x70;

    /// <summary>The number of its interrupt line. Default: 8.</summary>
    public int InterruptLine { get; init; } = 8;

    /// <summary>True: the clock shows the host's local time, as Windows expects. False, the default: UTC.</summary>
    public bool UseLocalTime { get; init; }

    /// <summary>The time. Default: the machine's, or the host's where there is no machine. Set it before the clock is used.</summary>
    public TimeProvider TimeProvider
    {
        get => _time.Value;
        set => _time.Value = value;
    }

    /// <summary>Where the interrupt goes. A machine sets it.</summary>
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

    /// <summary>The guest has masked the NMI: bit 7 of what it wrote to the index port last.</summary>
    public bool IsNmiMasked
    {
        get
        {
            lock (_gate)
            {
                return _isNmiMasked;
            }
        }
    }

    /// <summary>A byte of the memory that is none of the clock's registers.</summary>
    /// <param name="index">14 to 127, without 0x32, the century.</param>
    public byte this[int index]
    {
        get
        {
            RequireFree(index);
            lock (_gate)
            {
                return _memory[index];
            }
        }

        set
        {
            RequireFree(index);
            lock (_gate)
            {
                _memory[index] = value;
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _time.Machine = slot.TimeProvider;
        slot.MapPorts(Port, PortCount, this);
        Interrupt = slot.ConnectLine(InterruptLine, InterruptSense.Edge);
        slot.Acpi = new AcpiIdentity { HardwareId = "PNP0B00" };
    }

    /// <summary>Writes the sizes of memory where PC firmware looks for them: bytes 0x15 to 0x18, 0x30, 0x31, 0x34, 0x35 and 0x5B to 0x5D.</summary>
    /// <param name="below4GiB">Bytes of RAM from 0 on, below 4 GiB.</param>
    /// <param name="above4GiB">Bytes of RAM from 4 GiB on.</param>
    public void SetMemorySize(ulong below4GiB, ulong above4GiB)
    {
        const ulong Kib = 1024;
        const ulong Mib = 1024 * Kib;
        const ulong Unit = 64 * Kib;
        ulong conventional = ulong.Min(below4GiB / Kib, 640);
        ulong extended = ulong.Min(ulong.Max(below4GiB, Mib) - Mib, 0xFFFF * Kib) / Kib;
        ulong above16 = ulong.Min((ulong.Max(below4GiB, 16 * Mib) - (16 * Mib)) / Unit, 0xFFFF);
        ulong above4G = ulong.Min(above4GiB / Unit, 0xFF_FFFF);
        lock (_gate)
        {
            Store(0x15, conventional, 2);
            Store(0x17, extended, 2);
            Store(0x30, extended, 2);
            Store(0x34, above16, 2);
            Store(0x5B, above4G, 3);
        }

        void Store(int index, ulong value, int size)
        {
            for (int i = 0; i < size; i++)
            {
                _memory[index + i] = (byte)(value >> (8 * i));
            }
        }
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

    private static void RequireFree(int index)
    {
        if (index is < FirstFree or >= MemorySize or Century)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, "The bytes that are not the clock's own are 14 to 127 without 0x32.");
        }
    }
}
