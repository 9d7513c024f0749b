namespace HvSdk.Devices.Virtio;

/// <summary>Frames on their way from any thread to one reader: a ring of bytes, which bounds what they take. Each lies in it in one piece.</summary>
internal sealed class FrameQueue
{
    private const int Alignment = 8;

    // A frame takes at least this much, so that the number of frames is bounded too.
    private const int MinEntryLength = 256;

    private readonly Lock _gate = new();
    private readonly byte[] _bytes;
    private readonly Queue<Entry> _entries = new();
    private int _head; // where the first frame starts
    private int _tail; // where the next one goes
    private bool _hasRefused;

    internal FrameQueue(int capacity)
    {
        _bytes = new byte[capacity];
    }

    private int Used => _tail > _head ? _tail - _head : _bytes.Length - _head + _tail;

    /// <summary>Puts a copy of a frame at the end; false where there is no room, and <see cref="Release"/> says when there is again.</summary>
    internal bool TryAdd(ReadOnlySpan<byte> frame, in FrameOffload offload, out bool wasEmpty)
    {
        int length = int.Max(MinEntryLength, (frame.Length + Alignment - 1) & ~(Alignment - 1));
        lock (_gate)
        {
            wasEmpty = _entries.Count == 0;
            if (!TryFindRoom(length, out int start))
            {
                _hasRefused = true;
                return false;
            }

            frame.CopyTo(_bytes.AsSpan(start));
            _entries.Enqueue(new Entry(start, frame.Length, offload));
            _tail = start + length;
            return true;
        }
    }

    internal bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count == 0;
            }
        }
    }

    /// <summary>The first frame, which stays where it is until <see cref="Release"/>. The reader may change its bytes.</summary>
    internal bool TryPeek(out Span<byte> frame, out FrameOffload offload)
    {
        lock (_gate)
        {
            bool has = _entries.TryPeek(out Entry entry);
            frame = has ? _bytes.AsSpan(entry.Start, entry.Length) : default;
            offload = entry.Offload;
            return has;
        }
    }

    /// <summary>Takes the first frame out.</summary>
    /// <returns>True: somebody was refused, and there is room now.</returns>
    internal bool Release()
    {
        lock (_gate)
        {
            _entries.Dequeue();
            bool isEmpty = !_entries.TryPeek(out Entry next);
            _head = isEmpty ? 0 : next.Start;
            _tail = isEmpty ? 0 : _tail;

            // Not at each frame: waking whoever waits costs more than a frame does.
            return _hasRefused && (isEmpty || Used <= _bytes.Length / 2) && Forget();
        }
    }

    /// <summary>Copies of all frames, in their order.</summary>
    internal NetworkFrameState[] Save()
    {
        lock (_gate)
        {
            return [.. _entries.Select(entry => new NetworkFrameState { Bytes = _bytes[entry.Start..(entry.Start + entry.Length)], Offload = entry.Offload })];
        }
    }

    /// <summary>Takes all frames out.</summary>
    /// <returns>How many, and whether somebody was refused.</returns>
    internal (int Count, bool HadRefused) Clear()
    {
        lock (_gate)
        {
            int count = _entries.Count;
            _entries.Clear();
            _head = _tail = 0;
            return (count, _hasRefused && Forget());
        }
    }

    private bool Forget()
    {
        _hasRefused = false;
        return true;
    }

    private bool TryFindRoom(int length, out int start)
    {
        start = _tail;
        if (_entries.Count == 0 || _tail > _head)
        {
            if (length <= _bytes.Length - _tail)
            {
                return true;
            }

            start = 0; // what is left at the end stays empty
            return length < _head;
        }

        return length < _head - _tail;
    }

    private readonly record struct Entry(int Start, int Length, FrameOffload Offload);
}
