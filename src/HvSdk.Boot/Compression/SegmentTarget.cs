namespace HvSdk.Boot;

/// <summary>Takes the bytes of an ELF file one after the other, and puts those that its segments want to their places in guest memory.</summary>
internal sealed class SegmentTarget
{
    private readonly BootWriter _writer;
    private readonly LoadSegment[] _segments; // by their place in the file
    private int _next;

    public SegmentTarget(BootWriter writer, IReadOnlyList<LoadSegment> segments)
    {
        _writer = writer;
        _segments = ByFileOffset(segments);
    }

    /// <summary>How far the file is.</summary>
    public long Position { get; private set; }

    /// <summary>Tells whether the segments want each byte of the file once at most.</summary>
    public static bool CanTake(IReadOnlyList<LoadSegment> segments)
    {
        LoadSegment[] sorted = ByFileOffset(segments);
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].FileOffset < sorted[i - 1].FileOffset + sorted[i - 1].FileSize)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Where the next bytes go, if they all go to one place.</summary>
    public bool TryGetPlace(int length, out ulong address)
    {
        MoveOn();
        address = 0;
        if (_next == _segments.Length || Position < _segments[_next].FileOffset || Left() < length)
        {
            return false;
        }

        address = Place();
        return true;
    }

    /// <summary>Counts bytes that were put to their place by somebody else.</summary>
    public void Skip(int length) => Position += length;

    /// <summary>Takes bytes.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            MoveOn();
            int count = (int)long.Min(data.Length, UntilChange());
            if (IsInSegment())
            {
                _writer.Write(Place(), data[..count]);
            }

            Position += count;
            data = data[count..];
        }
    }

    /// <summary>Takes bytes of a stream, to their place without a copy where they have one.</summary>
    /// <returns>How many there were; 0 at the stream's end.</returns>
    public int Read(Stream source, long atMost, byte[] scratch)
    {
        MoveOn();
        int length = (int)long.Min(atMost, long.Min(UntilChange(), int.MaxValue));
        int count = 0;
        if (IsInSegment())
        {
            var state = new StreamRead(source);
            _writer.Fill(Place(), (ulong)length, state, static (span, read) => read.Count = read.Source.Read(span));
            count = state.Count;
        }
        else
        {
            count = source.Read(scratch.AsSpan(0, int.Min(length, scratch.Length)));
        }

        Position += count;
        return count;
    }

    private static LoadSegment[] ByFileOffset(IReadOnlyList<LoadSegment> segments)
    {
        LoadSegment[] sorted = [.. segments.Where(static s => s.FileSize > 0)];
        Array.Sort(sorted, static (a, b) => a.FileOffset.CompareTo(b.FileOffset));
        return sorted;
    }

    private void MoveOn()
    {
        while (_next < _segments.Length && Left() <= 0)
        {
            _next++;
        }
    }

    private bool IsInSegment() => _next < _segments.Length && Position >= _segments[_next].FileOffset;

    private long Left() => _segments[_next].FileOffset + _segments[_next].FileSize - Position;

    private ulong Place() => _segments[_next].Address + (ulong)(Position - _segments[_next].FileOffset);

    private long UntilChange() =>
        _next == _segments.Length ? long.MaxValue : IsInSegment() ? Left() : _segments[_next].FileOffset - Position;

    private sealed class StreamRead(Stream source)
    {
        public Stream Source { get; } = source;

        public int Count { get; set; }
    }
}
