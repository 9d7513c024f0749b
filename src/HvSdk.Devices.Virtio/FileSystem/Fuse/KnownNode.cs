namespace HvSdk.Devices.Virtio;

/// <summary>A node that the kernel was told of, and has not forgotten.</summary>
internal sealed class KnownNode(SharedNode node)
{
    private byte[] _name = [];

    public SharedNode Node { get; } = node;

    public ulong Id { get; set; }

    /// <summary>How often the kernel was told of it, and has not forgotten.</summary>
    public ulong Lookups { get; set; } = 1;

    /// <summary>The directory that it was found in last, which the kernel may have forgotten since; 0 for the root.</summary>
    public ulong Parent { get; private set; }

    /// <summary>Its name there: how a saved state finds it again. Nobody else needs it.</summary>
    public ReadOnlySpan<byte> Name => _name;

    public void LearnName(ulong parent, ReadOnlySpan<byte> name)
    {
        Parent = parent;
        if (!name.SequenceEqual(_name))
        {
            _name = name.ToArray();
        }
    }
}
