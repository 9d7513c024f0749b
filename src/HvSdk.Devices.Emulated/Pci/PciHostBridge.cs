namespace HvSdk.Devices.Emulated;

/// <summary>A PCI host bridge with one bus: it answers configuration accesses and puts the windows of devices where the guest wants them.</summary>
/// <remarks>
/// <para>The guest finds the configuration spaces in memory (ECAM; PCI Express 3.0, 7.2.2), and by the ports 0xCF8 and 0xCFC (PCI 3.0, 3.2.2.3.2). The bridge
/// itself is device 0, those that are added are devices 1 to <see cref="SlotCount"/>, each of one function. There is memory space alone, no I/O space.</para>
/// <para>Windows have places from the start, as if a firmware had given them, and answer once the guest enables memory space. One that it moves outside of
/// the bridge's own windows, or onto something else, answers nowhere, until one of the function's registers is written anew.</para>
/// <para>Each function has a lock. While windows move the device is called with it held; accesses to windows take none. All registers may be accessed by any
/// thread.</para>
/// </remarks>
public sealed partial class PciHostBridge : IPlatformDevice, IAsyncDisposable
{
    /// <summary>How many devices can be added.</summary>
    public const int SlotCount = 31;

    /// <summary>Bytes of the configuration spaces in memory: 1 MiB for a bus.</summary>
    public const ulong EcamSize = 1 << 20;

    private const int PinCount = 4;

    private readonly PciFunction?[] _functions = new PciFunction?[SlotCount + 1];
    private readonly List<(string Name, IPciDevice Device)> _devices = [];
    private readonly List<PciInterruptRoute> _routes = [];
    private readonly int?[] _pinLines = new int?[PinCount];

    /// <summary>The configuration spaces in memory: their first GPA, a multiple of 1 MiB.</summary>
    public ulong EcamAddress { get; init; } = 0xE000_0000;

    /// <summary>The GPAs below 4 GiB that devices may have. Nothing else is to be there.</summary>
    public PciMemoryWindow LowWindow { get; init; } = new(0xE800_0000, 0x16C0_0000);

    /// <summary>The GPAs above 4 GiB that devices with wide registers may have; null: none.</summary>
    public PciMemoryWindow? HighWindow { get; init; }

    /// <summary>Where messages go to: a message to any other address vanishes. The default is that of x64 (Intel SDM vol. 3A, 11.11.1).</summary>
    public PciMemoryWindow MessageWindow { get; init; } = new(0xFEE0_0000, 0x10_0000);

    /// <summary>What answers accesses of one byte to port 0xCF9, which lies within the bridge's but is the reset control's; null: nothing.</summary>
    public IBusDevice? ResetPort { get; init; }

    /// <summary>What the bridge says that it is. Default: a generic host bridge.</summary>
    public PciIdentity Identity { get; init; } = new() { VendorId = 0x1B36, DeviceId = 0x0008, ClassCode = 0x06_0000 };

    /// <summary>Where the pins of the devices lead. Known once the bridge has its slot.</summary>
    public IReadOnlyList<PciInterruptRoute> InterruptRoutes => _routes;

    /// <summary>Adds a device, before the bridge joins a machine.</summary>
    /// <param name="device">The device. The bridge disposes of it.</param>
    /// <param name="name">A name for it, for people and errors; its type's where none is given.</param>
    /// <returns>Its number on the bus.</returns>
    /// <exception cref="InvalidOperationException">All slots are taken.</exception>
    public int Add(IPciDevice device, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (_devices.Count == SlotCount)
        {
            throw new InvalidOperationException($"The bus has {SlotCount} slots, and all are taken. Add fewer devices.");
        }

        _devices.Add((name ?? device.GetType().Name, device));
        return _devices.Count;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A device asks for what it cannot have; the text tells of all.</exception>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        List<string> problems = [];
        FindProblems(problems);
        slot.MapMmio(EcamAddress, EcamSize, new Ecam(this));
        slot.MapPorts(ConfigurationPort, ConfigurationPortCount, new ConfigurationPorts(this));
        var bridge = new PciFunction();
        bridge.Identify(Identity);
        _functions[0] = bridge;

        // The windows go first: devices end their doorbells then, before they hear of the end.
        slot.OnConnected(partition => Array.ForEach(_functions, function => function?.Connect(partition, Windows(), MessageWindow)));
        slot.OnEnded(() => Array.ForEach(_functions, static function => function?.Disconnect()));
        List<(PciFunction, string)> attached = [];
        for (int i = 0; i < _devices.Count; i++)
        {
            (string name, IPciDevice device) = _devices[i];
            int number = i + 1;
            var function = new PciFunction();
            var place = new PciSlot(function, name, slot, () => ConnectPin(slot, number));
            try
            {
                place.Attach(device);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                problems.Add($"{name}: {e.Message}");
                continue;
            }

            attached.Add((function, name));
            _functions[number] = function;
            slot.OnConnected(place.Connect);
            slot.OnEnded(place.End);
        }

        new PciBarLayout(LowWindow, HighWindow).Assign(attached, problems);
        if (problems.Count > 0)
        {
            throw new InvalidOperationException(string.Join(' ', problems));
        }
    }

    /// <summary>Disposes of the devices that were added.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach ((_, IPciDevice device) in _devices)
        {
            if (device is IAsyncDisposable asyncDisposable)
            {
                await asyncDisposable.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                (device as IDisposable)?.Dispose();
            }
        }
    }

    private PciMemoryWindow[] Windows() => HighWindow is { } high ? [LowWindow, high] : [LowWindow];

    private void FindProblems(List<string> problems)
    {
        if (EcamAddress % EcamSize != 0)
        {
            problems.Add($"{nameof(EcamAddress)} is 0x{EcamAddress:X}. Give a multiple of 0x{EcamSize:X}.");
        }

        if (LowWindow.Size == 0 || LowWindow.Address > uint.MaxValue || LowWindow.Size > (1UL << 32) - LowWindow.Address)
        {
            problems.Add($"{nameof(LowWindow)} is {LowWindow}. Give one that is not empty and lies below 4 GiB.");
        }

        if (HighWindow is { } high && (high.Size == 0 || high.Address <= uint.MaxValue || high.Size - 1 > ulong.MaxValue - high.Address))
        {
            problems.Add($"{nameof(HighWindow)} is {high}. Give one that is not empty and lies above 4 GiB, or null.");
        }
    }

    /// <summary>Leads the pin of a device to one of up to four lines, by its number, as boards wire their slots (PCI 3.0, 2.2.6).</summary>
    private (IInterruptLine Line, int Number) ConnectPin(IDeviceSlot slot, int device)
    {
        ref int? number = ref _pinLines[device % PinCount];
        IInterruptLine line;
        if (number is { } shared)
        {
            line = slot.ConnectLine(shared, InterruptSense.Level);
        }
        else
        {
            line = slot.ConnectLine(InterruptSense.Level, out int free);
            number = free;
        }

        _routes.Add(new PciInterruptRoute(device, 0, number.Value));
        return (line, number.Value);
    }
}
