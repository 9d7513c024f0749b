using System.Buffers.Binary;
using System.Numerics;

namespace HvSdk.Devices.Emulated;

/// <summary>The table and the pending bits of MSI-X, as a window of registers and towards the device (PCI 3.0, 6.8.2).</summary>
internal sealed class PciMsiXTable : IPciMessages, IBusDevice
{
    public const int MaxVectors = 2048;

    /// <summary>Bytes of the capability after its ID and pointer (6.8.2.1): Message Control, Table, PBA.</summary>
    public const int CapabilityLength = 10;

    // Message Control (6.8.2.3).
    public const ushort Enable = 1 << 15;
    public const ushort FunctionMask = 1 << 14;

    // A table entry (6.8.2.6 to 6.8.2.9): address, upper address, data, vector control.
    private const int EntrySize = 16;
    private const int DataOffset = 8;
    private const int VectorControlOffset = 12;
    private const byte VectorMask = 1 << 0;
    private const int BitsPerWord = 64;
    private const int MinWindow = 4096;

    private readonly Lock _gate;
    private readonly byte[] _table;
    private readonly ulong[] _pending;
    private InterruptController? _target;
    private PciMemoryWindow _addresses;
    private volatile bool _isEnabled;
    private bool _isFunctionMasked;
    private bool _isBusMaster;

    public PciMsiXTable(int vectors, Lock gate)
    {
        _gate = gate;
        Count = vectors;
        _table = new byte[vectors * EntrySize];
        _pending = new ulong[(vectors + BitsPerWord - 1) / BitsPerWord];
        for (int i = 0; i < vectors; i++)
        {
            _table[(i * EntrySize) + VectorControlOffset] = VectorMask; // its state after reset (6.8.2.9)
        }

        WindowSize = ulong.Max(MinWindow, 2 * BitOperations.RoundUpToPowerOf2((ulong)_table.Length));
    }

    public int Count { get; }

    /// <summary>Size of the window: the table from 0, the pending bits from its middle.</summary>
    public ulong WindowSize { get; }

    public uint PendingOffset => (uint)(WindowSize / 2);

    public bool IsEnabled => _isEnabled;

    private bool IsHeldBack => _isFunctionMasked || !_isBusMaster;

    public bool Signal(int vector)
    {
        if ((uint)vector >= (uint)Count)
        {
            return false;
        }

        lock (_gate)
        {
            if (!_isEnabled)
            {
                return false;
            }

            if (IsHeldBack || IsVectorMasked(vector))
            {
                _pending[vector / BitsPerWord] |= 1UL << (vector % BitsPerWord);
            }
            else
            {
                Send(vector);
            }

            return true;
        }
    }

    public bool IsMasked(int vector)
    {
        if ((uint)vector >= (uint)Count)
        {
            return true;
        }

        lock (_gate)
        {
            return !_isEnabled || IsHeldBack || IsVectorMasked(vector);
        }
    }

    public bool IsPending(int vector)
    {
        if ((uint)vector >= (uint)Count)
        {
            return false;
        }

        lock (_gate)
        {
            return ((_pending[vector / BitsPerWord] >> (vector % BitsPerWord)) & 1) != 0;
        }
    }

    /// <summary>The guest has changed Message Control or its leave to be bus master. Called with the lock held.</summary>
    public void Control(ushort messageControl, bool isBusMaster)
    {
        _isEnabled = (messageControl & Enable) != 0;
        _isFunctionMasked = (messageControl & FunctionMask) != 0;
        _isBusMaster = isBusMaster;
        if (!_isEnabled)
        {
            _pending.AsSpan().Clear();
        }
        else if (!IsHeldBack)
        {
            for (int word = 0; word < _pending.Length; word++)
            {
                SendPending(word, ulong.MaxValue);
            }
        }
    }

    /// <summary>Says where messages go. Called with the lock held.</summary>
    public void SetTarget(InterruptController? target, PciMemoryWindow addresses)
    {
        _target = target is { Mode: InterruptControllerMode.None } ? null : target;
        _addresses = addresses;
    }

    /// <summary>The table and the pending bits. Called with the lock held.</summary>
    public (byte[] Table, ulong[] Pending) Save() => ([.. _table], [.. _pending]);

    /// <summary>Puts both back. Called with the lock held, and <see cref="Control"/> afterwards.</summary>
    public void Load(ReadOnlySpan<byte> table, ReadOnlySpan<ulong> pending)
    {
        for (int i = 0; i < _table.Length; i++)
        {
            _table[i] = Existing(i, table[i]);
        }

        pending.CopyTo(_pending);
        if (Count % BitsPerWord is > 0 and int rest)
        {
            _pending[^1] &= (1UL << rest) - 1;
        }
    }

    public void Read(ulong offset, Span<byte> data)
    {
        lock (_gate)
        {
            for (int i = 0; i < data.Length; i++)
            {
                data[i] = ReadByte(offset + (uint)i);
            }
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        // The pending bits are read-only (6.8.2.10).
        if (offset >= (ulong)_table.Length)
        {
            return;
        }

        lock (_gate)
        {
            int first = (int)offset;
            int length = int.Min(data.Length, _table.Length - first);
            for (int i = first; i < first + length; i++)
            {
                _table[i] = Existing(i, data[i - first]);
            }

            if (_isEnabled && !IsHeldBack)
            {
                int lastVector = (first + length - 1) / EntrySize;
                for (int vector = first / EntrySize; vector <= lastVector; vector++)
                {
                    SendPending(vector / BitsPerWord, 1UL << (vector % BitsPerWord));
                }
            }
        }
    }

    /// <summary>Sends what is pending among some vectors and not masked.</summary>
    private void SendPending(int word, ulong among)
    {
        for (ulong left = _pending[word] & among; left != 0; left &= left - 1)
        {
            int vector = (word * BitsPerWord) + BitOperations.TrailingZeroCount(left);
            if (!IsVectorMasked(vector))
            {
                _pending[word] &= ~(1UL << (vector % BitsPerWord));
                Send(vector);
            }
        }
    }

    /// <summary>The bits that exist of a byte of the table.</summary>
    private static byte Existing(int offset, byte value) => (offset % EntrySize) switch
    {
        VectorControlOffset => (byte)(value & VectorMask),
        > VectorControlOffset => 0, // reserved
        _ => value,
    };

    private bool IsVectorMasked(int vector) => (_table[(vector * EntrySize) + VectorControlOffset] & VectorMask) != 0;

    private void Send(int vector)
    {
        ReadOnlySpan<byte> entry = _table.AsSpan(vector * EntrySize, EntrySize);
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(entry) & ~3UL; // bits 0 and 1 are zero (6.8.2.7)
        if (_target is { } target && _addresses.Contains(address, sizeof(uint)))
        {
            target.Send(new MsiMessage(address, BinaryPrimitives.ReadUInt32LittleEndian(entry[DataOffset..])));
        }
    }

    private byte ReadByte(ulong offset)
    {
        if (offset < (ulong)_table.Length)
        {
            return _table[(int)offset];
        }

        ulong pending = offset - PendingOffset;
        return pending < (ulong)_pending.Length * sizeof(ulong) ? (byte)(_pending[pending / sizeof(ulong)] >> (int)(8 * (pending % sizeof(ulong)))) : (byte)0;
    }
}
