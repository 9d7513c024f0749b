using System.Diagnostics.CodeAnalysis;

namespace HvSdk.Devices.Virtio;

/// <summary>Things that a guest names by numbers, at most so many. A number that was given back does not come again for long.</summary>
/// <remarks>The lower half of a number is the place, from 1 on; the upper one counts how often the place was given out. The very first number is 1.</remarks>
internal sealed class BoundedTable<T>(int limit)
    where T : class
{
    private const int FirstLength = 16;

    private Slot[] _slots = [];
    private int _used;
    private int _firstFree = -1;

    public int Count { get; private set; }

    public bool IsFull => Count >= limit;

    /// <summary>Adds a thing; false where the table is full.</summary>
    public bool TryAdd(T item, out ulong id)
    {
        id = 0;
        if (IsFull)
        {
            return false;
        }

        int index = _firstFree;
        if (index >= 0)
        {
            _firstFree = _slots[index].NextFree;
        }
        else
        {
            index = _used++;
            if (index == _slots.Length)
            {
                Array.Resize(ref _slots, (int)long.Min(long.Max(FirstLength, 2L * index), limit));
            }
        }

        _slots[index].Item = item;
        id = ((ulong)_slots[index].Sequence << 32) | ((uint)index + 1);
        Count++;
        return true;
    }

    public bool TryGet(ulong id, [NotNullWhen(true)] out T? item)
    {
        long index = (uint)id - 1L;
        item = index >= 0 && index < _used && _slots[index].Sequence == (uint)(id >> 32) ? _slots[index].Item : null;
        return item is not null;
    }

    public bool Remove(ulong id, [NotNullWhen(true)] out T? item)
    {
        if (!TryGet(id, out item))
        {
            return false;
        }

        int index = (int)((uint)id - 1);
        _slots[index].Item = null;
        _slots[index].Sequence++;
        _slots[index].NextFree = _firstFree;
        _firstFree = index;
        Count--;
        return true;
    }

    /// <summary>All that is in it, with the numbers.</summary>
    public IEnumerable<(ulong Id, T Item)> Items
    {
        get
        {
            for (int i = 0; i < _used; i++)
            {
                if (_slots[i].Item is { } item)
                {
                    yield return (((ulong)_slots[i].Sequence << 32) | ((uint)i + 1), item);
                }
            }
        }
    }

    /// <summary>Puts a thing back under the number that it had, in a table that was empty; <see cref="EndRestore"/> ends it.</summary>
    /// <returns>False: this cannot be its number, or is another's.</returns>
    public bool TryRestore(ulong id, T item)
    {
        long index = (uint)id - 1L;
        if (index < 0 || index >= limit || (index < _used && _slots[index].Item is not null))
        {
            return false;
        }

        if (index >= _slots.Length)
        {
            Array.Resize(ref _slots, (int)long.Min(long.Max(FirstLength, 2 * (index + 1)), limit));
        }

        _used = int.Max(_used, (int)index + 1);
        _slots[index] = new Slot { Item = item, Sequence = (uint)(id >> 32) };
        Count++;
        return true;
    }

    /// <summary>All is back: the places between are free, and their next numbers are new ones.</summary>
    public void EndRestore()
    {
        uint sequence = 0;
        for (int i = 0; i < _used; i++)
        {
            sequence = uint.Max(sequence, _slots[i].Sequence);
        }

        for (int i = _used - 1; i >= 0; i--)
        {
            if (_slots[i].Item is null)
            {
                _slots[i].Sequence = sequence + 1;
                _slots[i].NextFree = _firstFree;
                _firstFree = i;
            }
        }
    }

    /// <summary>Takes everything out, the memory too. The action is called for each.</summary>
    public void Clear(Action<T> action)
    {
        Slot[] slots = _slots;
        int used = _used;
        _slots = [];
        _used = 0;
        _firstFree = -1;
        Count = 0;
        foreach (Slot slot in slots.AsSpan(0, used))
        {
            if (slot.Item is { } item)
            {
                action(item);
            }
        }
    }

    private struct Slot
    {
        public T? Item;
        public uint Sequence;
        public int NextFree;
    }
}
