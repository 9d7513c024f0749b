using System.Buffers.Binary;
using System.Numerics;
using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A PCI device's place on a bench instead of on a bus: what it asks for is granted and remembered, and a test plays the guest.</summary>
/// <example>
/// <code>
/// var bench = new PciBench();
/// bench.Attach(new MyDevice());
/// bench.EnableMessages();
/// bench.WriteBar(0, 0x10, 1);
/// Assert.Equal([0], bench.Signals);
/// </code>
/// </example>
public sealed class PciBench : IPciSlot
{
    private const int CapabilityHeader = 2;
    private const int FirstCapability = 0x40;
    private const int SpaceSize = 256;
    private const int BarCount = 6;

    private readonly (ulong Size, IBusDevice? Device, Action<ulong?>? Moved)[] _bars = new (ulong, IBusDevice?, Action<ulong?>?)[BarCount];
    private readonly byte[] _space = new byte[SpaceSize];
    private readonly byte[] _writable = new byte[SpaceSize];
    private readonly List<(int Start, int End, IBusDevice Device)> _registers = [];
    private readonly List<(byte Id, int Offset, int Length)> _capabilities = [];
    private readonly List<Action<Partition>> _connections = [];
    private readonly List<Action> _ends = [];
    private RecordingMessages? _messages;
    private int _nextCapability = FirstCapability;
    private volatile bool _isBusMaster;

    /// <inheritdoc/>
    public string Name => "device";

    /// <summary>The time, which the test moves on.</summary>
    public ManualTimeProvider Time { get; } = new();

    /// <summary>What the device asked of its machine.</summary>
    public RecordingMachine Machine { get; } = new();

    /// <summary>What the device says that it is; null: it has not.</summary>
    public PciIdentity? Identity { get; private set; }

    /// <summary>The pin, once the device has asked for it.</summary>
    public RecordingLine? Pin { get; private set; }

    /// <summary>The guest lets the device access memory. Default: it does not.</summary>
    public bool IsBusMaster
    {
        get => _isBusMaster;
        set => _isBusMaster = value;
    }

    /// <summary>The capabilities in the order in which the device asked for them: ID, offset in the configuration space, bytes behind ID and pointer.</summary>
    public IReadOnlyList<(byte Id, int Offset, int Length)> Capabilities => _capabilities;

    /// <summary>How many vectors the device has asked for; 0: no MSI-X.</summary>
    public int VectorCount => _messages?.Count ?? 0;

    /// <summary>The vectors whose messages were sent, in order.</summary>
    public IReadOnlyList<int> Signals => _messages?.Sent ?? [];

    TimeProvider IPciSlot.TimeProvider => Time;

    IMachineControl IPciSlot.Machine => Machine;

    /// <summary>Puts a device on the bench.</summary>
    /// <param name="device">The device.</param>
    public void Attach(IPciDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        device.Attach(this);
    }

    /// <summary>Gives the device a partition, as a machine does before it starts.</summary>
    /// <param name="partition">The partition, of a <see cref="ScriptedBackend"/> for one.</param>
    public void Connect(Partition partition) => _connections.ForEach(connect => connect(partition));

    /// <summary>Tells the device that the machine has ended.</summary>
    public void End() => _ends.ForEach(static end => end());

    /// <summary>The guest enables MSI-X, with no vector masked, or disables it.</summary>
    /// <param name="enabled">False: it disables it.</param>
    public void EnableMessages(bool enabled = true) => Messages().Enable(enabled);

    /// <summary>The guest masks a vector, or unmasks it: what is pending is sent then.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="masked">False: it unmasks it.</param>
    public void MaskMessage(int vector, bool masked = true) => Messages().Mask(vector, masked);

    /// <summary>The guest moves a window, or takes it away: the device hears of both.</summary>
    /// <param name="bar">The base address register.</param>
    /// <param name="address">The GPA; null: nowhere.</param>
    public void MoveBar(int bar, ulong? address)
    {
        Bar(bar);
        _bars[bar].Moved?.Invoke(address);
    }

    /// <summary>Bytes of a window.</summary>
    /// <param name="bar">The base address register.</param>
    public ulong SizeOf(int bar)
    {
        Bar(bar);
        return _bars[bar].Size;
    }

    /// <summary>The guest reads from a window.</summary>
    /// <param name="bar">The base address register.</param>
    /// <param name="offset">First byte within it.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong ReadBar(int bar, ulong offset, int size = 4)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        data.Clear();
        data[..size].Fill(0xFF);
        Bar(bar).Read(offset, data[..size]);
        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    /// <summary>The guest writes to a window.</summary>
    /// <param name="bar">The base address register.</param>
    /// <param name="offset">First byte within it.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public void WriteBar(int bar, ulong offset, ulong value, int size = 4)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        Bar(bar).Write(offset, data[..size]);
    }

    /// <summary>The guest reads from a capability, within the configuration space.</summary>
    /// <param name="offset">First byte, counted from the space's start: 64 and above.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong ReadConfiguration(int offset, int size = 4)
    {
        Require(offset, size);
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        data.Clear();
        _space.AsSpan(offset, size).CopyTo(data);
        foreach ((int start, int end, IBusDevice device) in _registers)
        {
            (int first, int last) = (int.Max(start, offset), int.Min(end, offset + size));
            if (first < last)
            {
                data[(first - offset)..(last - offset)].Fill(0xFF);
                device.Read((ulong)(first - start), data[(first - offset)..(last - offset)]);
            }
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    /// <summary>The guest writes to a capability, within the configuration space.</summary>
    /// <param name="offset">First byte, counted from the space's start: 64 and above.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public void WriteConfiguration(int offset, ulong value, int size = 4)
    {
        Require(offset, size);
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        for (int i = 0; i < size; i++)
        {
            byte writable = _writable[offset + i];
            _space[offset + i] = (byte)((_space[offset + i] & ~writable) | (data[i] & writable));
        }

        foreach ((int start, int end, IBusDevice device) in _registers)
        {
            (int first, int last) = (int.Max(start, offset), int.Min(end, offset + size));
            if (first < last)
            {
                device.Write((ulong)(first - start), data[(first - offset)..(last - offset)]);
            }
        }
    }

    /// <inheritdoc/>
    void IPciSlot.Identify(PciIdentity identity) => Identity = identity;

    /// <inheritdoc/>
    void IPciSlot.AddBar(int index, ulong size, IBusDevice device, PciBarOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!BitOperations.IsPow2(size) || _bars[index].Device is not null)
        {
            throw new ArgumentException($"Base address register {index} is in use, or 0x{size:X} bytes are no power of two.", nameof(index));
        }

        _bars[index] = (size, device, null);
    }

    /// <inheritdoc/>
    void IPciSlot.OnBarMapped(int index, Action<ulong?> moved)
    {
        Bar(index);
        _bars[index].Moved += moved;
    }

    /// <inheritdoc/>
    int IPciSlot.AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable)
    {
        int offset = PlaceCapability(id, body.Length);
        body.CopyTo(_space.AsSpan(offset + CapabilityHeader));
        writable.CopyTo(_writable.AsSpan(offset + CapabilityHeader));
        return offset;
    }

    /// <inheritdoc/>
    int IPciSlot.AddCapability(byte id, int length, IBusDevice registers)
    {
        ArgumentNullException.ThrowIfNull(registers);
        int offset = PlaceCapability(id, length);
        _registers.Add((offset + CapabilityHeader, offset + CapabilityHeader + length, registers));
        return offset;
    }

    /// <inheritdoc/>
    IPciMessages IPciSlot.UseMsiX(int vectors, int bar) => _messages = new RecordingMessages(vectors);

    /// <inheritdoc/>
    IInterruptLine IPciSlot.ConnectInterruptPin() => Pin = new RecordingLine();

    /// <inheritdoc/>
    void IPciSlot.OnConnected(Action<Partition> connect) => _connections.Add(connect);

    /// <inheritdoc/>
    void IPciSlot.OnEnded(Action end) => _ends.Add(end);

    private int PlaceCapability(byte id, int length)
    {
        int offset = _nextCapability;
        _space[offset] = id;
        _capabilities.Add((id, offset, length));
        _nextCapability = (offset + CapabilityHeader + length + 3) & ~3;
        _space[offset + 1] = 0;
        if (_capabilities.Count > 1)
        {
            _space[_capabilities[^2].Offset + 1] = (byte)offset;
        }

        return offset;
    }

    private IBusDevice Bar(int bar) => (uint)bar < BarCount && _bars[bar].Device is { } device
        ? device
        : throw new ArgumentException($"The device has no window at base address register {bar}.", nameof(bar));

    private RecordingMessages Messages() => _messages ?? throw new InvalidOperationException("The device has not asked for MSI-X.");

    private static void Require(int offset, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, sizeof(ulong));
        ArgumentOutOfRangeException.ThrowIfLessThan(offset, FirstCapability);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, SpaceSize - size);
    }
}
