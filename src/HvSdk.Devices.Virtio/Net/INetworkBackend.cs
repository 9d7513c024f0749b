namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="NetworkDevice"/> is joined to: takes whole Ethernet frames from the guest, and hands in frames for it.</summary>
/// <remarks>
/// Frames have no preamble and no check sequence: 14 to <see cref="NetworkDevice.MaxFrameLength"/> bytes, from the destination's address on. A back-end serves one device.
/// </remarks>
public interface INetworkBackend
{
    /// <summary>The most that <see cref="HeaderRoom"/> may be, in bytes.</summary>
    const int MaxHeaderRoom = 64;

    /// <summary>What may be left to do on frames that it takes; the device completes all else. Read before each frame, on the device's worker.</summary>
    NetworkOffloads Takes { get; }

    /// <summary>What may be left to do on frames that it hands in. Read once, when the device joins a machine: guests are offered to take such frames as they are.</summary>
    NetworkOffloads Gives { get; }

    /// <summary>A device takes the back-end into use. Called once.</summary>
    /// <param name="port">Where frames for the guest go, from now on and from any thread.</param>
    /// <exception cref="InvalidOperationException">It serves a device already.</exception>
    void Attach(INetworkPort port);

    /// <summary>The guest sends a frame. Called on the device's worker, one frame at a time; it should return soon, as the guest's reset waits for it.</summary>
    /// <param name="frame">The frame, valid until the call returns.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>.</param>
    /// <returns>True: it was taken, or thrown away. False: there is no room now. The device keeps it, takes no more from the guest, and tries again when <see cref="INetworkPort.OnRoom"/> is called.</returns>
    bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload);

    /// <summary>The same, for back-ends that have queues of their own: a connection's frames best come back where they went.</summary>
    /// <param name="frame">The frame, valid until the call returns.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>.</param>
    /// <param name="queue">The pair of queues that the guest sent it on, from 0.</param>
    /// <returns>As above.</returns>
    bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload, int queue) => TrySend(frame, offload);

    /// <summary>
    /// Bytes that the back-end wants before each frame, for a header of its own, 0 to <see cref="MaxHeaderRoom"/>; with more than 0 it gets frames by <see cref="TrySendInPlace"/>, and need not copy
    /// them to where its header is. Read once, when the device is made.
    /// </summary>
    int HeaderRoom => 0;

    /// <summary>The same, with <see cref="HeaderRoom"/> bytes before the frame that the back-end may write. It may not change the frame: one that has no room now comes again.</summary>
    /// <param name="bytes">Room for the header, and behind it the frame; valid until the call returns.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>.</param>
    /// <param name="queue">The pair of queues that the guest sent it on, from 0.</param>
    /// <returns>As above.</returns>
    bool TrySendInPlace(Span<byte> bytes, in FrameOffload offload, int queue) => TrySend(bytes[HeaderRoom..], offload, queue);

    /// <summary>
    /// It takes frames where they lie in guest memory (<see cref="TrySend(ReadableBuffers, in FrameOffload, int)"/>), and so spares their copy. Right for a back-end that hands them on in one call of
    /// the system's: the guest may change a frame until the call returns, so that whoever looks at one needs a copy. Read once, when the device is made.
    /// </summary>
    bool TakesBuffers => false;

    /// <summary>
    /// The same, where <see cref="TakesBuffers"/>, of a frame in guest memory. Called for frames on which there is nothing to do that the back-end does not take; all others come by the
    /// other members.
    /// </summary>
    /// <param name="frame">The frame, gone when the call returns. The guest may have made it differ from <paramref name="offload"/> meanwhile.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>.</param>
    /// <param name="queue">The pair of queues that the guest sent it on, from 0.</param>
    /// <returns>True: it was taken, or thrown away. False: the device copies the frame, and hands in the copy by another member.</returns>
    bool TrySend(ReadableBuffers frame, in FrameOffload offload, int queue) => false;

    /// <summary>There is room for frames again, after <see cref="INetworkPort.TryDeliver"/> has returned false. Any thread; it should return soon.</summary>
    void OnRoom();
}
