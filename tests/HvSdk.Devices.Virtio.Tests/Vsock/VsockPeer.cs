using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>Plays a guest with sockets: a driver on a thread of its own, whose connections are streams.</summary>
internal sealed class VsockPeer : IDisposable
{
    private const uint BufferSize = 64 << 10;
    private const int MaxPacket = 16 << 10;

    private readonly VsockDriver _driver;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<Action> _commands = new();
    private readonly Dictionary<(uint Guest, uint Host), VsockPeerSocket> _sockets = [];
    private readonly Dictionary<uint, Func<Stream, Task>> _listeners = [];
    private readonly Queue<(VsockHeader Header, byte[] Payload)> _outbox = new();
    private uint _nextPort = 40_000;
    private Exception? _failure;
    private volatile bool _ends;

    public VsockPeer(VsockDeviceOptions? options = null, ulong features = VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.EventIndex)
    {
        Device = new VsockDevice(options);
        Bench = new VirtioBench(new VirtioMmio(Device));
        _driver = new VsockDriver(Bench.Driver, Bench.Arena);
        _driver.Start(features, receiveBuffers: 128, sendBuffers: 32);
        _thread = new Thread(Run) { IsBackground = true, Name = "guest" };
        _thread.Start();
    }

    public VsockDevice Device { get; }

    public VirtioBench Bench { get; }

    /// <summary>Connects to the host.</summary>
    public Task<Stream> ConnectAsync(uint hostPort)
    {
        var connected = new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously);
        _commands.Enqueue(() =>
        {
            var socket = new VsockPeerSocket(_nextPort++, hostPort) { Connected = connected };
            _sockets.Add((socket.GuestPort, hostPort), socket);
            Post(socket, VsockOperation.Request);
        });
        return connected.Task;
    }

    /// <summary>Serves a port.</summary>
    public void Listen(uint port, Func<Stream, Task> serve) => _commands.Enqueue(() => _listeners.Add(port, serve));

    public void Dispose()
    {
        _ends = true;
        _thread.Join();
        Bench.Dispose();
        Assert.Null(_failure);
    }

    private void Run()
    {
        try
        {
            SpinWait spin = default;
            while (!_ends)
            {
                if (Work())
                {
                    spin.Reset();
                }
                else
                {
                    spin.SpinOnce();
                }
            }
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    private bool Work()
    {
        bool hasWorked = false;
        while (_commands.TryDequeue(out Action? command))
        {
            command();
            hasWorked = true;
        }

        while (_driver.TryReceive(out VsockHeader header, out byte[] payload))
        {
            Receive(header, payload);
            hasWorked = true;
        }

        foreach (VsockPeerSocket socket in _sockets.Values)
        {
            hasWorked |= Send(socket);
        }

        while (_outbox.TryPeek(out (VsockHeader Header, byte[] Payload) packet) && _driver.TrySend(packet.Header, packet.Payload))
        {
            _outbox.Dequeue();
            hasWorked = true;
        }

        return hasWorked;
    }

    private void Receive(in VsockHeader header, byte[] payload)
    {
        _sockets.TryGetValue((header.DestinationPort, header.SourcePort), out VsockPeerSocket? socket);
        if (header.Operation == VsockOperation.Request && socket is null && _listeners.TryGetValue(header.DestinationPort, out Func<Stream, Task>? serve))
        {
            socket = new VsockPeerSocket(header.DestinationPort, header.SourcePort);
            _sockets.Add((socket.GuestPort, socket.HostPort), socket);
            Post(socket, VsockOperation.Response);
            _ = Task.Run(() => serve(socket));
        }

        if (socket is null)
        {
            if (header.Operation != VsockOperation.Reset)
            {
                Post(new VsockPeerSocket(header.DestinationPort, header.SourcePort), VsockOperation.Reset);
            }

            return;
        }

        socket.Buffer = header.BufferAllocation;
        socket.Forwarded = header.ForwardCount;
        switch (header.Operation)
        {
            case VsockOperation.Response:
                socket.Connected!.SetResult(socket);
                break;
            case VsockOperation.Reset:
                _sockets.Remove((socket.GuestPort, socket.HostPort));
                socket.End(new IOException("reset by the host"));
                break;
            case VsockOperation.ReadWrite:
                socket.Received += (uint)payload.Length;
                Assert.True(socket.Received - socket.Consumed <= BufferSize, "The host has sent more than its credit.");
                socket.Deliver(payload);
                break;
            case VsockOperation.CreditRequest:
                Post(socket, VsockOperation.CreditUpdate);
                break;
            case VsockOperation.Shutdown:
                socket.HostShutdown |= (VsockShutdown)header.Flags;
                if ((socket.HostShutdown & VsockShutdown.Send) != 0)
                {
                    socket.EndInput();
                }

                if (socket.HostShutdown == VsockShutdown.Both)
                {
                    Post(socket, VsockOperation.Reset);
                    _sockets.Remove((socket.GuestPort, socket.HostPort));
                    socket.End(null);
                }

                break;
        }
    }

    private bool Send(VsockPeerSocket socket)
    {
        if (_outbox.Count > 16 || socket.Connected is { Task.IsCompleted: false })
        {
            return false;
        }

        if (socket.Consumed - socket.Advertised >= BufferSize / 2)
        {
            Post(socket, VsockOperation.CreditUpdate);
            return true;
        }

        if (!socket.IsSendingEnded && socket.TryTakeOutput(int.Min(MaxPacket, (int)socket.Credit), out byte[] payload, out bool isLast))
        {
            if (payload.Length > 0)
            {
                socket.Sent += (uint)payload.Length;
                Post(socket, VsockOperation.ReadWrite, payload);
            }

            if (isLast)
            {
                socket.IsSendingEnded = true;
                Post(socket, VsockOperation.Shutdown, flags: socket.IsDisposed ? VsockShutdown.Both : VsockShutdown.Send);
            }

            return payload.Length > 0 || isLast;
        }

        if (socket is { IsSendingEnded: true, IsDisposed: true, IsShutDown: false })
        {
            socket.IsShutDown = true;
            Post(socket, VsockOperation.Shutdown, flags: VsockShutdown.Both);
            return true;
        }

        return false;
    }

    private void Post(VsockPeerSocket socket, VsockOperation operation, byte[]? payload = null, VsockShutdown flags = VsockShutdown.None)
    {
        VsockHeader header = VsockDriver.Packet(operation, socket.GuestPort, socket.HostPort, (uint)(payload?.Length ?? 0));
        header.Flags = (uint)flags;
        header.BufferAllocation = BufferSize;
        header.ForwardCount = socket.Advertised = socket.Consumed;
        _outbox.Enqueue((header, payload ?? []));
    }
}
