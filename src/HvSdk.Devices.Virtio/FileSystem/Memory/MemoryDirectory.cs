namespace HvSdk.Devices.Virtio;

/// <summary>The entries of a directory in memory: found by name, and listed by cookies that stay when others go.</summary>
internal sealed class MemoryDirectory
{
    private const int MinTrimmed = 16;

    private readonly Dictionary<byte[], Entry> _byName = new(NameComparer.Instance);
    private readonly Dictionary<byte[], Entry>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;
    private readonly List<Entry> _byCookie = [];
    private ulong _nextCookie = 1;

    public MemoryDirectory()
    {
        _bySpan = _byName.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public int Count => _byCookie.Count;

    public IEnumerable<Entry> Entries => _byCookie;

    public MemoryNode? Find(ReadOnlySpan<byte> name) => _bySpan.TryGetValue(name, out Entry entry) ? entry.Node : null;

    public void Add(ReadOnlySpan<byte> name, MemoryNode node)
    {
        var entry = new Entry(name.ToArray(), node, _nextCookie++);
        _byName.Add(entry.Name, entry);
        _byCookie.Add(entry);
    }

    public void Remove(ReadOnlySpan<byte> name)
    {
        if (_bySpan.Remove(name, out _, out Entry entry))
        {
            _byCookie.RemoveAt(IndexAfter(entry.Cookie - 1));
            if (_byCookie.Capacity > MinTrimmed && _byCookie.Count < _byCookie.Capacity / 4)
            {
                // A guest must not make the host keep room for names that have gone.
                _byCookie.TrimExcess();
                _byName.TrimExcess();
            }
        }
    }

    /// <summary>Puts another node under a name that exists.</summary>
    public void Replace(ReadOnlySpan<byte> name, MemoryNode node)
    {
        Entry entry = _bySpan[name] with { Node = node };
        _bySpan[name] = entry;
        _byCookie[IndexAfter(entry.Cookie - 1)] = entry;
    }

    public void List(ulong position, DirectoryWriter writer)
    {
        for (int i = IndexAfter(position); i < _byCookie.Count; i++)
        {
            Entry entry = _byCookie[i];
            if (!writer.TryAdd(entry.Name, entry.Node.Kind, entry.Node.Inode, entry.Cookie))
            {
                return;
            }
        }
    }

    /// <summary>The first entry whose cookie is greater.</summary>
    private int IndexAfter(ulong cookie)
    {
        int low = 0;
        for (int high = _byCookie.Count; low < high;)
        {
            int middle = (int)(((uint)low + (uint)high) / 2);
            if (_byCookie[middle].Cookie <= cookie)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public readonly record struct Entry(byte[] Name, MemoryNode Node, ulong Cookie);

    private sealed class NameComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static NameComparer Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        // Seeded anew in each process, so that no guest knows names that collide.
        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            HashCode hash = default;
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
