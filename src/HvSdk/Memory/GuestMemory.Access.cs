using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk;

/// <content>Reading and writing from the host's side: by copy, checked against the map.</content>
public sealed partial class GuestMemory
{
    /// <summary>Copies bytes out of guest memory; they may span regions that touch.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="destination">Where they go; its length says how many.</param>
    /// <exception cref="ArgumentOutOfRangeException">A byte of the range is not in memory.</exception>
    public void Read(ulong address, Span<byte> destination)
    {
        if (!TryRead(address, destination))
        {
            throw NotInMemory(address, destination.Length);
        }
    }

    /// <summary>Copies bytes into guest memory; they may span regions that touch.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A byte of the range is not in memory; then none was written.</exception>
    public void Write(ulong address, ReadOnlySpan<byte> source)
    {
        if (!TryWrite(address, source))
        {
            throw NotInMemory(address, source.Length);
        }
    }

    /// <summary>Reads a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <exception cref="ArgumentOutOfRangeException">A byte of the range is not in memory.</exception>
    public T Read<T>(ulong address)
        where T : unmanaged => TryRead(address, out T value) ? value : throw NotInMemory(address, Unsafe.SizeOf<T>());

    /// <summary>Writes a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentOutOfRangeException">A byte of the range is not in memory; then none was written.</exception>
    public void Write<T>(ulong address, in T value)
        where T : unmanaged
    {
        if (!TryWrite(address, value))
        {
            throw NotInMemory(address, Unsafe.SizeOf<T>());
        }
    }

    /// <summary>Copies bytes out of guest memory, or does nothing.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="destination">Where they go; its length says how many.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        Entry[] map = Volatile.Read(ref _map);
        if (!IsInMemory(map, address, (ulong)destination.Length))
        {
            return false;
        }

        try
        {
            while (!destination.IsEmpty)
            {
                TryFind(map, address, out Entry entry);
                int length = (int)ulong.Min((ulong)destination.Length, entry.End - address);
                entry.Region.Read(address - entry.Address, destination[..length]);
                destination = destination[length..];
                address += (uint)length;
            }
        }
        catch (ObjectDisposedException)
        {
            return false; // the region went after the map was looked at
        }

        return true;
    }

    /// <summary>Copies bytes into guest memory, or does nothing. Read-only regions are read-only to the guest alone.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        Entry[] map = Volatile.Read(ref _map);
        if (!IsInMemory(map, address, (ulong)source.Length))
        {
            return false;
        }

        try
        {
            while (!source.IsEmpty)
            {
                TryFind(map, address, out Entry entry);
                int length = (int)ulong.Min((ulong)source.Length, entry.End - address);
                entry.Region.Write(address - entry.Address, source[..length]);
                source = source[length..];
                address += (uint)length;
            }
        }
        catch (ObjectDisposedException)
        {
            return false; // the region went after the map was looked at
        }

        return true;
    }

    /// <summary>Reads a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryRead<T>(ulong address, out T value)
        where T : unmanaged
    {
        if (TryFind(Volatile.Read(ref _map), address, out Entry entry) && entry.End - address >= (ulong)Unsafe.SizeOf<T>())
        {
            try
            {
                value = entry.Region.Read<T>(address - entry.Address);
                return true;
            }
            catch (ObjectDisposedException)
            {
                value = default;
                return false; // the region went after the map was looked at
            }
        }

        value = default;
        return TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    /// <summary>Writes a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where a byte of the range is not in memory; then none was written.</returns>
    public bool TryWrite<T>(ulong address, in T value)
        where T : unmanaged
    {
        if (TryFind(Volatile.Read(ref _map), address, out Entry entry) && entry.End - address >= (ulong)Unsafe.SizeOf<T>())
        {
            try
            {
                entry.Region.Write(address - entry.Address, value);
                return true;
            }
            catch (ObjectDisposedException)
            {
                return false; // the region went after the map was looked at
            }
        }

        return TryWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
    }

    /// <summary>Makes a view for one thread that touches guest memory often.</summary>
    /// <returns>The view; it holds nothing until it is entered.</returns>
    public GuestMemoryView CreateView() => new(this);

    internal Entry[] CurrentMap => Volatile.Read(ref _map);

    private static bool TryFind(Entry[] map, ulong address, out Entry entry)
    {
        int index = IndexOf(map, address);
        entry = index < 0 ? default : map[index];
        return index >= 0;
    }

    /// <summary>The entry that an address lies in, or -1.</summary>
    internal static int IndexOf(Entry[] map, ulong address)
    {
        int low = 0;
        int high = map.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (address < map[middle].Address)
            {
                high = middle - 1;
            }
            else if (address >= map[middle].End)
            {
                low = middle + 1;
            }
            else
            {
                return middle;
            }
        }

        return -1;
    }

    private static bool IsInMemory(Entry[] map, ulong address, ulong length)
    {
        while (length > 0)
        {
            if (!TryFind(map, address, out Entry entry))
            {
                return false;
            }

            ulong here = ulong.Min(length, entry.End - address);
            address += here;
            length -= here;
        }

        return true;
    }

    private static ArgumentOutOfRangeException NotInMemory(ulong address, int length) =>
        new(nameof(address), address, $"{length} bytes at GPA 0x{address:X} do not lie in guest memory. Map a region there first.");
}
