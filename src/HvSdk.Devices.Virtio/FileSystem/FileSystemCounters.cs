namespace HvSdk.Devices.Virtio;

/// <summary>What a file system device has counted since it was made. Any thread may read.</summary>
public sealed class FileSystemCounters
{
    private long _requests;
    private long _malformed;
    private long _bytesRead;
    private long _bytesWritten;
    private Exception? _lastFailure;

    internal FileSystemCounters()
    {
    }

    /// <summary>Requests.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Requests that no kernel sends: cut, longer than they say, or without room for an answer.</summary>
    public long MalformedRequests => Interlocked.Read(ref _malformed);

    /// <summary>Bytes of files that the guest has read.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Bytes of files that the guest has written.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <summary>What the tree has thrown last, or null. The guest got EIO for it.</summary>
    public Exception? LastFailure
    {
        get => Volatile.Read(ref _lastFailure);
        internal set => Volatile.Write(ref _lastFailure, value);
    }

    internal void CountRequest() => Interlocked.Increment(ref _requests);

    internal void CountMalformed() => Interlocked.Increment(ref _malformed);

    internal void CountRead(int bytes) => Interlocked.Add(ref _bytesRead, bytes);

    internal void CountWritten(int bytes) => Interlocked.Add(ref _bytesWritten, bytes);
}
