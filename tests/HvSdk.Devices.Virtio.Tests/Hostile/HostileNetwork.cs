using HvSdk.Devices.Virtio.Tests.Net;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileNetwork : HostileSubject
{
    private static readonly byte[][] s_frames = [KnownFrames.Tcp4, KnownFrames.Tcp6, KnownFrames.Udp4, KnownFrames.Udp4Whole];

    private readonly NetworkPair _cable = new();
    private readonly NetworkDevice _device;
    private readonly NetworkPeer _peer;
    private readonly byte[] _received = new byte[NetworkDevice.MaxFrameLength];
    private readonly int _pairs;

    public HostileNetwork(Random random)
    {
        _pairs = random.Next(1, 3);
        _device = new NetworkDevice(_cable.First, new NetworkDeviceOptions
        {
            QueuePairs = _pairs,
            QueueSize = 32,
            Mtu = random.Next(2) == 0 ? 1500 : null,
            ReceiveFrames = random.Next(4) == 0 ? new RateLimit(100, 10) : null,
            TransmitBytes = random.Next(4) == 0 ? new RateLimit(1 << 20) : null,
        });
        _peer = new NetworkPeer(_cable.Second, random.Next(2) == 0 ? NetworkOffloads.None : NetworkOffloads.All, 256 << 10);
    }

    public override VirtioDevice Device => _device;

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        writable = 0;
        if (queue >= 2 * _pairs)
        {
            writable = 1;
            random.NextBytes(content[..16]);
            content[0] = (byte)random.Next(7);
            content[1] = (byte)random.Next(7);
            content[2] = (byte)random.Next(4);
            content[3] = 0;
            return random.Next(2, 32);
        }

        if (queue % 2 == 0)
        {
            writable = random.Next(4) == 0 ? random.Next(32) : random.Next(2000);
            return 0;
        }

        byte[] frame = s_frames[random.Next(s_frames.Length)];
        content[..NetworkBench.HeaderLength].Clear();
        if (random.Next(2) == 0)
        {
            NetworkBench.Header(1, (byte)(random.Next(4) switch { 0 => 0, 1 => 1, 2 => 4, _ => random.Next(256) }), 0, (ushort)random.Next(20), (ushort)random.Next(70), (ushort)random.Next(20)).CopyTo(content);
        }

        frame.CopyTo(content[NetworkBench.HeaderLength..]);
        if (random.Next(3) == 0)
        {
            content[NetworkBench.HeaderLength + random.Next(frame.Length)] = (byte)random.Next(256);
        }

        return NetworkBench.HeaderLength + frame.Length;
    }

    public override void Act(Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                _device.IsLinkUp = !_device.IsLinkUp;
                break;
            case < 4:
                while (_peer.TryReceive(_received, out int length, out _))
                {
                    Assert.InRange(length, 14, NetworkDevice.MaxFrameLength);
                }

                break;
            default:
                byte[] frame = [.. s_frames[random.Next(s_frames.Length)]];
                frame[random.Next(frame.Length)] = (byte)random.Next(256);
                _peer.TrySend(frame, random.Next(2) == 0 ? default : KnownFrames.Tcp4Offload());
                break;
        }
    }

    public override void Prove(AnyBench bench)
    {
        _device.IsLinkUp = true;
        while (_peer.TryReceive(_received, out _, out _))
        {
        }

        bench.Work();
        while (_peer.TryReceive(_received, out _, out _))
        {
        }

        bench.Ask(1, [.. new byte[NetworkBench.HeaderLength], .. KnownFrames.Udp4Whole], 0);
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        bench.Work();
        Assert.True(_peer.TryReceive(_received, out int length, out _));
        Assert.Equal(KnownFrames.Udp4Whole, _received[..length]);
    }

    public override void Dispose()
    {
        _peer.Dispose();
        base.Dispose();
    }
}
