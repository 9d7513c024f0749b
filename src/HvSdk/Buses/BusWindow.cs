namespace HvSdk;

/// <summary>A device's place on a <see cref="DeviceBus"/>.</summary>
public sealed class BusWindow : IDisposable
{
    private readonly DeviceBus _bus;

    internal BusWindow(DeviceBus bus, ulong address, ulong size, IBusDevice device)
    {
        _bus = bus;
        Address = address;
        Size = size;
        Device = device;
    }

    /// <summary>First address of the window.</summary>
    public ulong Address { get; }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>What answers it.</summary>
    public IBusDevice Device { get; }

    /// <summary>Takes the device off the bus. An access that is under way on another thread may still reach it.</summary>
    public void Dispose() => _bus.Remove(this);

    internal ulong Last => Address + (Size - 1);

    internal string Describe() => $"the window of {Device.GetType().Name} at 0x{Address:X} to 0x{Last:X}";
}
