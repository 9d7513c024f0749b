namespace HvSdk.Devices.Emulated;

/// <summary>A base address register of memory space (PCI 3.0, 6.2.5.1), and where its window answers at the moment.</summary>
internal sealed class PciBar(int index, ulong size, IBusDevice device, PciBarOptions options)
{
    private BusWindow? _window;

    public int Index { get; } = index;

    public ulong Size { get; } = size;

    public IBusDevice Device { get; } = device;

    public bool IsWide { get; } = (options & PciBarOptions.Wide) != 0;

    /// <summary>How many registers it takes.</summary>
    public int RegisterCount => IsWide ? 2 : 1;

    /// <summary>Hear of where the window answers.</summary>
    public Action<ulong?>? Moved { get; set; }

    /// <summary>Where the window answers, or null.</summary>
    public ulong? Address => _window?.Address;

    private int Offset => PciHeader.BaseAddresses + (Index * sizeof(uint));

    private uint Kind => (IsWide ? PciHeader.Memory64 : 0) | ((options & PciBarOptions.Prefetchable) != 0 ? PciHeader.MemoryPrefetchable : 0);

    /// <summary>Sets the register. The bits below its size are hardwired: by them a guest that writes all ones learns the size.</summary>
    public void Write(PciConfigurationSpace space, ulong address)
    {
        ulong mask = ~(Size - 1);
        space.Set32(Offset, (uint)(address & mask) | Kind, (uint)mask);
        if (IsWide)
        {
            space.Set32(Offset + sizeof(uint), (uint)(address >> 32), (uint)(mask >> 32));
        }
    }

    /// <summary>The address that the register holds.</summary>
    public ulong Read(PciConfigurationSpace space)
    {
        ulong address = space.Get32(Offset) | (IsWide ? (ulong)space.Get32(Offset + sizeof(uint)) << 32 : 0);
        return address & ~(Size - 1);
    }

    /// <summary>Takes the window away. The device hears of it first, so that its doorbells are gone before anybody else may have the place.</summary>
    public void Unmap()
    {
        if (_window is { } window)
        {
            Moved?.Invoke(null);
            _window = null;
            window.Dispose();
        }
    }

    /// <summary>Puts the window somewhere; where that is taken it stays unmapped.</summary>
    public void TryMap(DeviceBus bus, ulong address)
    {
        if (_window is null && bus.TryMap(address, Size, Device, out BusWindow? window))
        {
            _window = window;
            Moved?.Invoke(address);
        }
    }
}
