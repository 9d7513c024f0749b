namespace HvSdk.Devices.Emulated;

/// <summary>A port by which a guest's kernel tells that it has panicked: QEMU's pvpanic (QEMU documentation, PVPANIC device), which Linux and others have drivers for.</summary>
/// <remarks>It has no registers that change, and so no state to save.</remarks>
public sealed class PanicNotifier : IPlatformDevice, IBusDevice
{
    private const PanicEvents KnownEvents = PanicEvents.Panicked | PanicEvents.CrashLoaded;

    /// <summary>Raised when the guest has loaded its crash kernel and goes on in it, on the thread of the vCPU.</summary>
    public event EventHandler? CrashLoaded;

    /// <summary>Raised when the guest has panicked, on the thread of the vCPU, before its machine is told.</summary>
    public event EventHandler? Panicked;

    /// <summary>Its port. Default: 0x505.</summary>
    public ushort Port { get; init; } = 0x505;

    /// <summary>What the guest may report; it reads this. Default: both events.</summary>
    public PanicEvents Events
    {
        get;
        init
        {
            if ((value & ~KnownEvents) != 0)
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, $"The events are {KnownEvents}.");
            }

            field = value;
        }
    } = KnownEvents;

    /// <summary>The machine that is told of a panic, and ends by it; null: only <see cref="Panicked"/> is raised. A machine sets it.</summary>
    public IMachineControl? Machine { get; set; }

    /// <summary>False: in a machine, too, a panic only raises <see cref="Panicked"/>, and the guest goes on as it likes. Default: true.</summary>
    public bool EndsMachine { get; init; } = true;

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        Machine = slot.Machine;
        slot.MapPorts(Port, 1, this);
        slot.Acpi = new AcpiIdentity { HardwareId = "QEMU0001" };
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        if (offset == 0 && !data.IsEmpty)
        {
            data[0] = (byte)Events;
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.IsEmpty)
        {
            return;
        }

        PanicEvents events = (PanicEvents)data[0] & Events;
        if (events.HasFlag(PanicEvents.CrashLoaded))
        {
            CrashLoaded?.Invoke(this, EventArgs.Empty);
        }

        if (events.HasFlag(PanicEvents.Panicked))
        {
            Panicked?.Invoke(this, EventArgs.Empty);
            if (EndsMachine)
            {
                Machine?.ReportPanic();
            }
        }
    }
}

/// <summary>What a guest reports by a <see cref="PanicNotifier"/>.</summary>
[Flags]
public enum PanicEvents : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The kernel has panicked.</summary>
    Panicked = 1 << 0,

    /// <summary>The kernel has crashed and its crash kernel runs.</summary>
    CrashLoaded = 1 << 1,
}
