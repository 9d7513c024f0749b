using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Devices.Virtio;

/// <summary>A tree of files that the guest mounts by its tag (virtio 1.2, 5.11): <c>mount -t virtiofs TAG /mnt</c>.</summary>
/// <remarks>
/// The tree is a <see cref="MemoryTree"/>, or one of your own made of <see cref="SharedNode"/>. The guest's kernel checks permissions and keeps locks; the whole guest is one
/// user of the tree. There is no shared-memory window (DAX) and no notification queue.
/// </remarks>
/// <example>
/// <code>
/// var tree = new MemoryTree();
/// tree.WriteFile("input/job.json", bytes);
/// builder.AddDevice(new VirtioMmio(new FileSystemDevice("job", tree.Root)));
/// </code>
/// </example>
public sealed class FileSystemDevice : VirtioDevice
{
    private const uint FileSystemDeviceId = 26;
    private const int MaxTagLength = 36;
    private const int RequestQueuesOffset = MaxTagLength;
    private const int ConfigurationSize = 44; // with notify_buf_size, which is 0 (virtio 1.2, 5.11.4)

    // A look ends after so many requests, so that the queues take turns.
    private const int MaxRequestsPerLook = 64;

    private readonly FuseServer _server;
    private readonly byte[] _configuration = new byte[ConfigurationSize];

    /// <summary>Makes one.</summary>
    /// <param name="tag">What the guest calls it: 1 to 36 bytes of UTF-8 without NUL.</param>
    /// <param name="root">The directory that the guest mounts.</param>
    /// <param name="options">Choices; null: the defaults.</param>
    /// <exception cref="ArgumentException">The tag is none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public FileSystemDevice(string tag, SharedNode root, FileSystemOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tag);
        ArgumentNullException.ThrowIfNull(root);
        options ??= new FileSystemOptions();
        options.Validate();
        if (Encoding.UTF8.GetByteCount(tag) is 0 or > MaxTagLength || tag.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{tag}' is no tag. Give 1 to {MaxTagLength} bytes of UTF-8 without NUL (virtio 1.2, 5.11.4).", nameof(tag));
        }

        Tag = tag;
        _server = new FuseServer(root, options);
        Encoding.UTF8.GetBytes(tag, _configuration);
        BinaryPrimitives.WriteInt32LittleEndian(_configuration.AsSpan(RequestQueuesOffset), options.RequestQueues);
        QueueSizes = [.. Enumerable.Repeat(options.QueueSize, options.RequestQueues + 1)]; // the first one is that of high priority (virtio 1.2, 5.11.2)
    }

    /// <summary>What the guest calls it.</summary>
    public string Tag { get; }

    /// <summary>What was counted.</summary>
    public FileSystemCounters Counters => _server.Counters;

    /// <inheritdoc/>
    public override uint DeviceId => FileSystemDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; }

    /// <inheritdoc/>
    public override int ConfigurationLength => ConfigurationSize;

    /// <inheritdoc/>
    protected internal override long Errors => Counters.MalformedRequests;

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data) => _configuration.AsSpan(offset, data.Length).CopyTo(data);

    /// <inheritdoc/>
    protected internal override void OnActivated() => _server.TimeProvider = TimeProvider;

    /// <inheritdoc/>
    protected internal override void OnReset() => _server.EndSession();

    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState() => _server.SaveState(Tag);

    /// <inheritdoc/>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        FileSystemDeviceState saved = StateProblem.RequireKind<FileSystemDeviceState>(state);
        StateProblem.Require(saved.Tag == Tag, $"{nameof(saved.Tag)} is '{saved.Tag}', and this device's '{Tag}'. Make it with the tag that it was saved with.");
        _server.LoadState(saved);
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        for (int i = 0; i < MaxRequestsPerLook; i++)
        {
            if (!queue.TryTake(out DescriptorChain? chain))
            {
                return;
            }

            queue.Complete(chain, _server.Handle(chain));
        }

        Wake(); // there may be more
    }
}
