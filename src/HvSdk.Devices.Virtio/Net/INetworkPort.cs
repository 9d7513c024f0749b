namespace HvSdk.Devices.Virtio;

/// <summary>The end of a network that a <see cref="INetworkBackend"/> hands frames to: a device, or user code. Any thread may call.</summary>
public interface INetworkPort
{
    /// <summary>What may be left to do on frames that are handed in.</summary>
    NetworkOffloads Takes { get; }

    /// <summary>Hands in a frame. It is copied before the call returns.</summary>
    /// <param name="frame">The frame. One shorter than 14 bytes or longer than <see cref="NetworkDevice.MaxFrameLength"/> is counted and thrown away.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>. What does not fit the frame is counted and thrown away with it.</param>
    /// <returns>True: it was taken, or thrown away as nobody listens. False: there is no room. Throw it away, or wait for <see cref="INetworkBackend.OnRoom"/> and try again.</returns>
    bool TryDeliver(ReadOnlySpan<byte> frame, in FrameOffload offload);

    /// <summary>There is room for frames again, after <see cref="INetworkBackend.TrySend(ReadOnlySpan{byte}, in FrameOffload)"/> has returned false.</summary>
    void OnRoom();

    /// <summary>Says whether there is anybody at the other end of the link.</summary>
    /// <param name="isUp">False: nobody; the guest sees it as a cable that was pulled out.</param>
    void SetLink(bool isUp);
}
