using HvSdk.Devices.Virtio;

namespace HvSdk.Linux.Tests.Storages;

/// <summary>A disk with a cache that forgets: what was not flushed when the power goes is lost in part, sector by sector, as chance has it. What comes afterwards is lost altogether.</summary>
internal sealed class PowerCutStorage : IBlockStorage
{
    private const int Sector = 512;

    private readonly Lock _gate = new();
    private readonly MemoryStorage _durable;
    private readonly MemoryStorage _seen;
    private readonly List<(long Offset, byte[] Bytes)> _unflushed = [];
    private bool _isCut;

    /// <param name="content">What is on the disk, safely.</param>
    public PowerCutStorage(ReadOnlySpan<byte> content)
    {
        _durable = new MemoryStorage(content);
        _seen = new MemoryStorage(content);
    }

    public long Length => _durable.Length;

    public bool IsReadOnly => false;

    /// <summary>Flushes that were honoured.</summary>
    public int Flushes { get; private set; }

    public void Read(long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            ThrowIfCut();
            _seen.Read(offset, destination);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        lock (_gate)
        {
            ThrowIfCut();

            // Taken once: the guest may change its bytes meanwhile.
            byte[] bytes = source.ToArray();
            _seen.Write(offset, bytes);
            _unflushed.Add((offset, bytes));
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            ThrowIfCut();
            foreach ((long offset, byte[] bytes) in _unflushed)
            {
                _durable.Write(offset, bytes);
            }

            _unflushed.Clear();
            Flushes++;
        }
    }

    /// <summary>The power goes.</summary>
    /// <param name="random">Decides what of the unflushed has reached the disk.</param>
    /// <returns>What is on the disk then, and how many sectors of how many unflushed ones reached it.</returns>
    public (byte[] Content, int Kept, int Unflushed) Cut(Random random)
    {
        lock (_gate)
        {
            _isCut = true;
            int kept = 0;
            int all = 0;
            foreach ((long offset, byte[] bytes) in _unflushed)
            {
                for (int start = 0; start < bytes.Length; start += Sector)
                {
                    all++;
                    if (random.Next(2) == 0)
                    {
                        _durable.Write(offset + start, bytes.AsSpan(start, int.Min(Sector, bytes.Length - start)));
                        kept++;
                    }
                }
            }

            byte[] content = new byte[_durable.Length];
            _durable.Read(0, content);
            return (content, kept, all);
        }
    }

    private void ThrowIfCut()
    {
        if (_isCut)
        {
            throw new IOException("The power is off.");
        }
    }
}
