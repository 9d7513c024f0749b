using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A PCI device's place on a bench instead of on a bus: what the device asks for is granted and remembered, and a test plays the guest.</summary>
/// <remarks>Configuration registers of the header are the bus's own affair and not here: capabilities and windows are reached directly.</remarks>
public sealed class PciBench : IPciSlot
{
    private const int FirstCapability = 0x40;

    private readonly Dictionary<int, (ulong Size, IBusDevice Device)> _bars = [];
    private readonly Dictionary<int, List<Action<ulong?>>> _moves = [];
    private readonly List<PciBenchCapability> _capabilities = [];
    private readonly List<Action<Partition>> _connections = [];
    private readonly List<Action> _ends = [];
    private readonly List<Action> _pauses = [];
    private readonly List<Action> _resumptions = [];
    private int _nextCapability = FirstCapability;

    /// <inheritdoc/>
    public string Name => "device";

    /// <summary>The time, which the test moves on.</summary>
    public ManualTimeProvider Time { get; } = new();

    /// <summary>What the device asked of its machine.</summary>
    public RecordingMachine Machine { get; } = new();

    /// <inheritdoc/>
    public bool IsBusMaster { get; set; } = true;

    /// <summary>What the device says that it is.</summary>
    public PciIdentity? Identity { get; private set; }

    /// <summary>Its messages, once it has asked for them.</summary>
    public RecordingMessages? Messages { get; private set; }

    /// <summary>Its interrupt pin, once it has asked for it.</summary>
    public RecordingLine? Pin { get; private set; }

    /// <summary>Its capabilities, in the order in which it added them.</summary>
    public IReadOnlyList<PciBenchCapability> Capabilities => _capabilities;

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

    /// <summary>The guest maps a window, moves it, or, with null, unmaps it.</summary>
    /// <param name="index">Its base address register.</param>
    /// <param name="address">The GPA.</param>
    public void MoveBar(int index, ulong? address) => _moves.GetValueOrDefault(index)?.ForEach(move => move(address));

    /// <summary>Tells the device that the machine is paused.</summary>
    public void Pause() => _pauses.ForEach(static pause => pause());

    /// <summary>Tells the device that the machine goes on.</summary>
    public void Resume() => _resumptions.ForEach(static resume => resume());

    /// <summary>Tells the device that the machine has ended.</summary>
    public void End() => _ends.ForEach(static end => end());

    /// <summary>The guest reads from a window: all ones where the access is not within it.</summary>
    /// <param name="index">Its base address register.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong ReadBar(int index, ulong offset, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        data.Clear();
        data[..size].Fill(0xFF);
        if (_bars.TryGetValue(index, out (ulong Size, IBusDevice Device) bar) && offset + (ulong)size <= bar.Size)
        {
            bar.Device.Read(offset, data[..size]);
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    /// <summary>The guest writes to a window.</summary>
    /// <param name="index">Its base address register.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public void WriteBar(int index, ulong offset, ulong value, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        if (_bars.TryGetValue(index, out (ulong Size, IBusDevice Device) bar) && offset + (ulong)size <= bar.Size)
        {
            bar.Device.Write(offset, data[..size]);
        }
    }

    void IPciSlot.Identify(PciIdentity identity) => Identity = identity;

    void IPciSlot.AddBar(int index, ulong size, IBusDevice device, PciBarOptions options) => _bars.Add(index, (size, device));

    void IPciSlot.OnBarMapped(int index, Action<ulong?> moved)
    {
        _moves.TryAdd(index, []);
        _moves[index].Add(moved);
    }

    int IPciSlot.AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable) => Add(new PciBenchCapability(id, body.ToArray(), writable.ToArray()));

    int IPciSlot.AddCapability(byte id, int length, IBusDevice registers) => Add(new PciBenchCapability(id, length, registers));

    IPciMessages IPciSlot.UseMsiX(int vectors, int bar) => Messages = new RecordingMessages(vectors);

    IInterruptLine IPciSlot.ConnectInterruptPin() => Pin = new RecordingLine();

    void IPciSlot.OnConnected(Action<Partition> connect) => _connections.Add(connect);

    void IPciSlot.OnPaused(Action pause) => _pauses.Add(pause);

    void IPciSlot.OnResumed(Action resume) => _resumptions.Add(resume);

    void IPciSlot.OnEnded(Action end) => _ends.Add(end);

    private int Add(PciBenchCapability capability)
    {
        _capabilities.Add(capability);
        int offset = _nextCapability;
        _nextCapability += (2 + capability.Length + 3) & ~3;
        return offset;
    }
}
