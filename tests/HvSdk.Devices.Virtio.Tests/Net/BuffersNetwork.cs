namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>A back-end that takes frames where they lie, and records them.</summary>
internal sealed class BuffersNetwork : INetworkBackend
{
    public NetworkOffloads Takes { get; init; } = NetworkOffloads.All;

    public NetworkOffloads Gives => NetworkOffloads.None;

    public bool TakesBuffers => true;

    /// <summary>Frames in guest memory have no room.</summary>
    public bool IsFull { get; set; }

    /// <summary>Taken from guest memory.</summary>
    public List<(byte[] Frame, FrameOffload Offload, int Queue)> Buffers { get; } = [];

    /// <summary>Taken from a copy.</summary>
    public List<(byte[] Frame, FrameOffload Offload)> Copies { get; } = [];

    public void Attach(INetworkPort port)
    {
    }

    public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        Copies.Add((frame.ToArray(), offload));
        return true;
    }

    public bool TrySend(ReadableBuffers frame, in FrameOffload offload, int queue)
    {
        if (IsFull)
        {
            return false;
        }

        byte[] copy = new byte[frame.Length];
        frame.CopyTo(copy);
        Buffers.Add((copy, offload, queue));
        return true;
    }

    public void OnRoom()
    {
    }
}
