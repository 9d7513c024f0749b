using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>A vsock device whose worker and whose guest are the test.</summary>
internal sealed class VsockBench : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private const ulong Ring = VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.EventIndex;

    public VsockBench(VsockDeviceOptions? options = null, int receiveBuffers = 16, int receiveBufferLength = 4096)
    {
        Device = new VsockDevice(options);
        Bench = new Bench(Device);
        Guest = new VsockDriver(Bench.Driver, Bench.Arena, receiveBufferLength);
        Guest.Start(Ring, receiveBuffers);
        Work();
    }

    public VsockDevice Device { get; }

    public Bench Bench { get; }

    public VsockDriver Guest { get; }

    public void Work() => Bench.Work();

    public void Restart(int receiveBuffers = 16)
    {
        Guest.Start(Ring, receiveBuffers);
        Work();
    }

    public void Send(in VsockHeader header, ReadOnlySpan<byte> payload = default)
    {
        Guest.Send(header, payload);
        Work();
    }

    /// <summary>A connection that the guest has made.</summary>
    public async Task<VsockConnection> AcceptAsync(VsockListener listener, uint guestPort, uint guestBuffer = 64 << 10)
    {
        VsockHeader request = VsockDriver.Packet(VsockOperation.Request, guestPort, listener.Port);
        request.BufferAllocation = guestBuffer;
        Send(request);
        Guest.Receive(VsockOperation.Response);
        return await listener.AcceptAsync().AsTask().WaitAsync(Limit);
    }

    public void Dispose() => Bench.Dispose();
}
