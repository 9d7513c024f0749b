using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk;

/// <summary>Guest memory for a thread that touches it often, such as a queue worker: between <see cref="Enter"/> and <see cref="Exit"/> an access costs a lookup and the bytes.</summary>
/// <remarks>
/// While entered, the view keeps all memory alive that the guest saw when it was entered; regions that are mapped meanwhile are seen at the next time. So enter
/// for a batch of work, not for good. One view belongs to the thread that entered it: any other thread's access is an exception. The Try forms serve
/// addresses that come from a guest. The guest may change the bytes at any moment: what was read once must be checked in the copy.
/// </remarks>
/// <example>
/// <code>
/// var view = partition.Memory.CreateView(); // once
/// view.Enter();
/// try
/// {
///     while (view.TryRead(address, out ulong next)) { ... }
/// }
/// finally
/// {
///     view.Exit();
/// }
/// </code>
/// </example>
public sealed partial class GuestMemoryView
{
    private readonly GuestMemory _memory;
    private GuestMemory.Entry[] _map = [];
    private nint[] _starts = [];
    private int _last;
    private int _owner;
    private int _actions;

    internal GuestMemoryView(GuestMemory memory)
    {
        _memory = memory;
    }

    /// <summary>The memory.</summary>
    public GuestMemory Memory => _memory;

    /// <summary>The calling thread has entered the view.</summary>
    public bool IsEntered => _owner == Environment.CurrentManagedThreadId;

    /// <summary>Takes hold of the memory that the guest sees now.</summary>
    /// <exception cref="InvalidOperationException">The view is entered already, by this thread or another.</exception>
    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _owner, Environment.CurrentManagedThreadId, 0) != 0)
        {
            throw new InvalidOperationException("The view is entered already. Leave it first, or make one view for each thread.");
        }

        GuestMemory.Entry[] map = _memory.CurrentMap;
        if (_starts.Length < map.Length)
        {
            _starts = new nint[map.Length];
        }

        for (int i = 0; i < map.Length; i++)
        {
            _starts[i] = GuestPointer.TryAcquire(map[i].Region);
        }

        _map = map;
        _last = 0;
    }

    /// <summary>Lets go of the memory.</summary>
    /// <exception cref="InvalidOperationException">The calling thread has not entered the view, or is in an action of <see cref="Access"/>.</exception>
    public void Exit()
    {
        ThrowIfNotEntered();
        if (_actions > 0)
        {
            throw new InvalidOperationException($"An action of {nameof(Access)} is working on the memory. Leave the view after it.");
        }

        for (int i = 0; i < _map.Length; i++)
        {
            if (_starts[i] != 0)
            {
                _map[i].Region.Block.ReleasePointer();
            }
        }

        _map = [];
        Volatile.Write(ref _owner, 0);
    }

    /// <summary>Whether all bytes of a range are in memory.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="length">How many; none are always in memory.</param>
    public bool Contains(ulong address, ulong length)
    {
        ThrowIfNotEntered();
        while (length > 0)
        {
            if (!TryFind(address, out int index))
            {
                return false;
            }

            ulong part = ulong.Min(length, _map[index].End - address);
            address += part;
            length -= part;
        }

        return true;
    }

    /// <summary>Reads a value in the host's byte order, at any alignment; at once where it is aligned to its size of at most 8 bytes.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryRead<T>(ulong address, out T value)
        where T : unmanaged
    {
        ThrowIfNotEntered();
        if (TryFind(address, out int index) && _map[index].End - address >= (ulong)Unsafe.SizeOf<T>())
        {
            value = GuestPointer.ReadAt<T>(_starts[index], address - _map[index].Address);
            return true;
        }

        value = default;
        return TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    /// <summary>Writes a value in the host's byte order, at any alignment; at once where it is aligned to its size of at most 8 bytes.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="address">GPA of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where a byte of the range is not in memory; then none was written.</returns>
    public bool TryWrite<T>(ulong address, in T value)
        where T : unmanaged
    {
        ThrowIfNotEntered();
        if (TryFind(address, out int index) && _map[index].End - address >= (ulong)Unsafe.SizeOf<T>())
        {
            ulong offset = address - _map[index].Address;
            GuestPointer.WriteAt(_starts[index], offset, value);
            _map[index].Region.HostDirtyPages?.Mark(offset, (ulong)Unsafe.SizeOf<T>());
            return true;
        }

        return TryWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
    }

    /// <summary>Copies bytes out of guest memory, or does nothing.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="destination">Where they go; its length says how many.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!Contains(address, (ulong)destination.Length))
        {
            return false;
        }

        while (!destination.IsEmpty)
        {
            TryFind(address, out int index);
            int length = (int)ulong.Min((ulong)destination.Length, _map[index].End - address);
            GuestPointer.SpanAt(_starts[index], address - _map[index].Address, length).CopyTo(destination);
            destination = destination[length..];
            address += (uint)length;
        }

        return true;
    }

    /// <summary>Copies bytes into guest memory, or does nothing. Read-only regions are read-only to the guest alone.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False where a byte of the range is not in memory.</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!Contains(address, (ulong)source.Length))
        {
            return false;
        }

        while (!source.IsEmpty)
        {
            TryFind(address, out int index);
            int length = (int)ulong.Min((ulong)source.Length, _map[index].End - address);
            ulong offset = address - _map[index].Address;
            source[..length].CopyTo(GuestPointer.SpanAt(_starts[index], offset, length));
            _map[index].Region.HostDirtyPages?.Mark(offset, (ulong)length);
            source = source[length..];
            address += (uint)length;
        }

        return true;
    }

    /// <summary>Works on bytes in place, without a copy, as far as they lie in one piece.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="length">How many at most; more than 0.</param>
    /// <param name="isWrite">The action writes: the pages count as written.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it.</param>
    /// <returns>How many bytes the action got: less than asked for where a region ends; 0 where the first is not in memory, and the action was not called.</returns>
    public int Access<TState>(ulong address, int length, bool isWrite, TState state, SpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(action);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ThrowIfNotEntered();
        if (!TryFind(address, out int index))
        {
            return 0;
        }

        int part = (int)ulong.Min((ulong)length, _map[index].End - address);
        ulong offset = address - _map[index].Address;
        _actions++;
        try
        {
            action(GuestPointer.SpanAt(_starts[index], offset, part), state);
        }
        finally
        {
            _actions--;
        }

        if (isWrite)
        {
            _map[index].Region.HostDirtyPages?.Mark(offset, (ulong)part);
        }

        return part;
    }

    private bool TryFind(ulong address, out int index)
    {
        // Most accesses follow one another in the same region.
        GuestMemory.Entry[] map = _map;
        index = _last;
        if ((uint)index < (uint)map.Length && address - map[index].Address < map[index].End - map[index].Address && _starts[index] != 0)
        {
            return true;
        }

        index = GuestMemory.IndexOf(map, address);
        if (index < 0 || _starts[index] == 0)
        {
            return false;
        }

        _last = index;
        return true;
    }

    private void ThrowIfNotEntered()
    {
        if (_owner != Environment.CurrentManagedThreadId)
        {
            Throw();
        }

        static void Throw() => throw new InvalidOperationException($"The calling thread has not entered the view. Call {nameof(Enter)} first.");
    }
}
