namespace HvSdk.Devices.Emulated;

/// <summary>An item that firmware reads, or writes.</summary>
internal sealed class FirmwareItem
{
    private readonly byte[]? _writable;

    internal FirmwareItem(string? name, ReadOnlyMemory<byte> content)
    {
        Name = name;
        Content = content;
    }

    internal FirmwareItem(string name, byte[] writable, Action<ReadOnlyMemory<byte>> written)
        : this(name, writable)
    {
        _writable = writable;
        Written = written;
    }

    internal string? Name { get; }

    internal ReadOnlyMemory<byte> Content { get; }

    /// <summary>Where the guest may write, or empty.</summary>
    internal Span<byte> Writable => _writable;

    internal bool IsWritable => _writable is not null;

    internal Action<ReadOnlyMemory<byte>>? Written { get; }
}
