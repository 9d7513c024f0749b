namespace HvSdk.Conformance.Tests;

/// <summary>An access that a device has seen.</summary>
internal readonly record struct DeviceAccess(bool IsWrite, ulong Offset, int Size);

/// <summary>A device that is memory, and remembers how it was accessed.</summary>
internal sealed class RecordingDevice(int size) : IBusDevice
{
    /// <summary>What it holds.</summary>
    public byte[] Bytes { get; } = new byte[size];

    /// <summary>All accesses, in order.</summary>
    public List<DeviceAccess> Accesses { get; } = [];

    public void Read(ulong offset, Span<byte> data)
    {
        Accesses.Add(new DeviceAccess(false, offset, data.Length));
        Bytes.AsSpan((int)offset, data.Length).CopyTo(data);
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        Accesses.Add(new DeviceAccess(true, offset, data.Length));
        data.CopyTo(Bytes.AsSpan((int)offset));
    }
}

/// <summary>A device with one register of any size: a queue of numbers, the next at each read and one more at each write.</summary>
internal sealed class QueueDevice(params IEnumerable<ulong> reads) : IBusDevice
{
    private readonly Queue<ulong> _reads = new(reads);

    /// <summary>What the guest has written, in order.</summary>
    public List<ulong> Writes { get; } = [];

    public void Read(ulong offset, Span<byte> data)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BitConverter.TryWriteBytes(value, _reads.Dequeue());
        value[..data.Length].CopyTo(data);
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        data.CopyTo(value);
        Writes.Add(BitConverter.ToUInt64(value));
    }
}
