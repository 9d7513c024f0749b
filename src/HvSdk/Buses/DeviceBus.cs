using System.Diagnostics.CodeAnalysis;
using HvSdk.Buses;

namespace HvSdk;

/// <summary>An address space whose accesses go to devices: the I/O ports, or the GPAs without memory (MMIO).</summary>
/// <remarks>
/// Windows may come and go while vCPUs run, from any thread; an access takes no lock. An access goes to the window that holds all of its bytes.
/// Where there is none, and where an access straddles the end of a window, reads give all ones and writes vanish; both are counted
/// (<see cref="Vcpu.Statistics"/>).
/// </remarks>
public sealed class DeviceBus
{
    private readonly string _name;
    private readonly ulong _lastAddress;
    private readonly Partition _partition;
    private readonly Func<ulong, ulong, string?>? _findConflict;
    private BusWindow[] _windows = [];
    private BusDoorbell[] _doorbells = [];

    internal DeviceBus(string name, ulong lastAddress, Partition partition, Func<ulong, ulong, string?>? findConflict)
    {
        _name = name;
        _lastAddress = lastAddress;
        _partition = partition;
        _findConflict = findConflict;
    }

    /// <summary>All windows, by address.</summary>
    public IReadOnlyList<BusWindow> Windows => Volatile.Read(ref _windows);

    /// <summary>Puts a device on the bus.</summary>
    /// <param name="address">First address of its window.</param>
    /// <param name="size">Size of the window in bytes, not zero.</param>
    /// <param name="device">The device.</param>
    /// <returns>The window; disposing of it takes the device off the bus.</returns>
    /// <exception cref="ArgumentException">The window is empty, beyond the bus, or overlaps another or RAM; the text names it.</exception>
    public BusWindow Map(ulong address, ulong size, IBusDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (size == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, "A window holds at least one byte.");
        }

        if (address > _lastAddress || size - 1 > _lastAddress - address)
        {
            throw new ArgumentOutOfRangeException(
                nameof(address), address, $"A window of 0x{size:X} bytes at 0x{address:X} does not fit: the last address of {_name} is 0x{_lastAddress:X}.");
        }

        var window = new BusWindow(this, address, size, device);
        if (TryAdd(window, throwIfDisposed: true) is { } taken)
        {
            throw new ArgumentException(
                $"{_name}: a window of 0x{size:X} bytes at 0x{address:X} overlaps {taken}. Choose another address, or remove that first.", nameof(address));
        }

        return window;
    }

    /// <summary>Puts a device on the bus where a guest has asked for it, if the place is free.</summary>
    /// <param name="address">First address of its window.</param>
    /// <param name="size">Size of the window in bytes, not zero.</param>
    /// <param name="device">The device.</param>
    /// <param name="window">The window; disposing of it takes the device off the bus.</param>
    /// <returns>False where the window is beyond the bus, or overlaps another or RAM, or the partition was disposed of.</returns>
    public bool TryMap(ulong address, ulong size, IBusDevice device, [NotNullWhen(true)] out BusWindow? window)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfZero(size);
        window = null;
        if (address > _lastAddress || size - 1 > _lastAddress - address)
        {
            return false;
        }

        var candidate = new BusWindow(this, address, size, device);
        if (TryAdd(candidate, throwIfDisposed: false) is not null)
        {
            return false;
        }

        window = candidate;
        return true;
    }

    /// <summary>The window that holds an address, or null.</summary>
    /// <param name="address">The address.</param>
    public BusWindow? Find(ulong address) => new BusCursor().Find(this, address, 1);

    /// <summary>Adds a window.</summary>
    /// <returns>What is in the way, or null: it was added.</returns>
    private string? TryAdd(BusWindow window, bool throwIfDisposed)
    {
        lock (_partition.Gate)
        {
            if (_partition.IsDisposed && !throwIfDisposed)
            {
                return "a partition that was disposed of";
            }

            _partition.ThrowIfDisposed();
            string? taken = Array.Find(_windows, other => window.Address <= other.Last && other.Address <= window.Last)?.Describe()
                ?? _findConflict?.Invoke(window.Address, window.Last + 1);
            if (taken is null)
            {
                BusWindow[] windows = [.. _windows, window];
                Array.Sort(windows, static (x, y) => x.Address.CompareTo(y.Address));
                Volatile.Write(ref _windows, windows);
            }

            return taken;
        }
    }

    internal BusWindow[] Snapshot => Volatile.Read(ref _windows);

    internal string? FindConflict(ulong address, ulong end) =>
        Array.Find(Volatile.Read(ref _windows), window => address <= window.Last && window.Address < end)?.Describe();

    /// <summary>Rings the doorbells at an address that the host does not serve itself.</summary>
    /// <returns>True where one took the write.</returns>
    internal bool TryRing(ulong address, ReadOnlySpan<byte> data)
    {
        BusDoorbell[] doorbells = Volatile.Read(ref _doorbells);
        if (doorbells.Length == 0)
        {
            return false;
        }

        bool rung = false;
        foreach (BusDoorbell doorbell in doorbells)
        {
            if (doorbell.Location.Matches(address, data))
            {
                doorbell.Signal();
                rung = true;
            }
        }

        return rung;
    }

    /// <summary>Adds a doorbell that the host does not serve itself; the caller holds the partition's gate.</summary>
    /// <exception cref="HypervisorException">The same is there: hosts that serve doorbells refuse it likewise.</exception>
    internal BusDoorbell AddDoorbell(DoorbellLocation location)
    {
        if (Array.Exists(_doorbells, other => other.Location == location))
        {
            throw new HypervisorException(
                _partition.Capabilities.BackendName, nameof(Partition.CreateDoorbell), 0, $"There is a doorbell at {location}.", "The same doorbell exists already.");
        }

        var doorbell = new BusDoorbell(this, location);
        Volatile.Write(ref _doorbells, [.. _doorbells, doorbell]);
        return doorbell;
    }

    internal void Remove(BusDoorbell doorbell)
    {
        lock (_partition.Gate)
        {
            Volatile.Write(ref _doorbells, Array.FindAll(_doorbells, other => other != doorbell));
        }
    }

    internal void Remove(BusWindow window)
    {
        lock (_partition.Gate)
        {
            Volatile.Write(ref _windows, Array.FindAll(_windows, other => other != window));
        }
    }
}
