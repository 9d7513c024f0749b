namespace HvSdk.Devices.Emulated;

/// <summary>
/// Tells a guest that it is not the one it was: an ID in its memory that changes whenever the machine is restored from a snapshot or copied (Microsoft,
/// Virtual Machine Generation ID, 2012). Windows then renews its domain's IDs, Linux its random numbers.
/// </summary>
/// <remarks>The guest may write over its copy; it is its own loss until the next <see cref="Change"/>. Any thread may call any member.</remarks>
/// <example>
/// <code>
/// generation.Change(Guid.NewGuid()); // after the machine was restored, before it runs
/// </code>
/// </example>
public sealed class VmGenerationId : IPlatformDevice
{
    private const int PageSize = 4096;
    private const int IdSize = 16;

    private readonly Lock _gate = new();
    private IInterruptLine? _notification;
    private GuestMemory? _memory;
    private ulong? _address;
    private Guid _id = Guid.NewGuid();

    /// <summary>The ID. It starts as a random one, where none is given.</summary>
    public Guid Id
    {
        get
        {
            lock (_gate)
            {
                return _id;
            }
        }

        init => _id = value;
    }

    /// <summary>The ID's GPA, or null: the device is in no machine yet.</summary>
    public ulong? Address
    {
        get
        {
            lock (_gate)
            {
                return _address;
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);

        // A page of its own, for the guest may map it otherwise than the memory around it (specification, requirements on the buffer).
        ulong address = slot.ReserveMemory(PageSize, PageSize);
        _notification = slot.ConnectNotification();
        slot.Acpi = new AcpiIdentity
        {
            HardwareId = "HVSD0001",

            // The first is the specification's, the second the one that fits the rules of ACPI and that Linux's driver looks for.
            CompatibleIds = ["VM_Gen_Counter", "VMGENCTR"],
            Objects =
            [
                new("_DDN", AcpiValue.Of("VM_Gen_Counter")),
                new("ADDR", AcpiValue.Package(AcpiValue.Of(address & uint.MaxValue), AcpiValue.Of(address >> 32))),
            ],
        };
        slot.OnConnected(partition => Connect(partition.Memory, address));
        _address = address;
    }

    /// <summary>Writes the ID into a guest's memory and keeps it there. A machine calls it.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="address">A GPA that is a multiple of 8, with 16 bytes of memory.</param>
    public void Connect(GuestMemory memory, ulong address)
    {
        ArgumentNullException.ThrowIfNull(memory);
        if (address % 8 != 0)
        {
            throw new ArgumentException($"The ID lies at a multiple of 8, and 0x{address:X} is none.", nameof(address));
        }

        lock (_gate)
        {
            Span<byte> bytes = stackalloc byte[IdSize];
            _id.TryWriteBytes(bytes);
            memory.Write(address, bytes);
            _memory = memory;
            _address = address;
        }
    }

    /// <summary>Gives the guest a new ID, and tells it.</summary>
    /// <param name="id">The ID, one that no machine has had before.</param>
    public void Change(Guid id)
    {
        lock (_gate)
        {
            _id = id;
            if (!TryStore())
            {
                return; // no guest yet, or no longer
            }
        }

        _notification?.Set(true);
        _notification?.Set(false);
    }

    /// <summary>The ID.</summary>
    public VmGenerationIdState SaveState() => new() { Id = Id };

    /// <summary>Puts an ID back, without telling the guest: where the machine was restored to an earlier point, <see cref="Change"/> has to follow.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    public void LoadState(VmGenerationIdState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        lock (_gate)
        {
            _id = state.Id;
            TryStore();
        }
    }

    private bool TryStore()
    {
        Span<byte> bytes = stackalloc byte[IdSize];
        _id.TryWriteBytes(bytes); // little-endian as Windows keeps a GUID in memory
        return _memory is not null && _address is { } address && _memory.TryWrite(address, bytes);
    }
}

/// <summary>State of a <see cref="VmGenerationId"/>, as plain data.</summary>
public sealed record VmGenerationIdState
{
    /// <summary>The ID.</summary>
    public Guid Id { get; init; }
}
