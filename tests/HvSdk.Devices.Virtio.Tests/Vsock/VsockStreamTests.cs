using System.Diagnostics;
using System.Security.Cryptography;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>Connections with a guest on another thread: what arrives is what was sent, whoever is slow.</summary>
public sealed class VsockStreamTests
{
    private const uint Port = 1024;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public async Task Data_BothWaysAtOnce_ArrivesWhole(ulong features)
    {
        const int Length = 8 << 20;
        using var guest = new VsockPeer(features: features);
        guest.Listen(Port, static async socket =>
        {
            // Gives back what comes, and ends when the host does.
            await socket.CopyToAsync(socket);
            ((VsockPeerSocket)socket).ShutDownSending();
        });
        VsockConnection connection = await guest.Device.ConnectAsync(Port).AsTask().WaitAsync(VsockBench.Limit);

        Task<byte[]> sending = Send(connection.Output.AsStream(), Length, seed: 1);
        byte[] received = await Hash(connection.Input.AsStream(), Length).WaitAsync(VsockBench.Limit);

        Assert.Equal(await sending, received);
        await connection.DisposeAsync();
        await EventuallyGone(guest);
        Assert.Equal(Length, guest.Device.BytesFromGuest);
        Assert.Equal(Length, guest.Device.BytesToGuest);
    }

    [Fact]
    public async Task Guest_ThatConnectsAndHalfCloses_GetsItsAnswer()
    {
        using var guest = new VsockPeer();
        using VsockListener listener = guest.Device.Listen(Port);
        Stream socket = await guest.ConnectAsync(Port).WaitAsync(VsockBench.Limit);
        await using VsockConnection connection = await listener.AcceptAsync().AsTask().WaitAsync(VsockBench.Limit);
        await using Stream stream = connection.AsStream();

        await socket.WriteAsync("what is the time?"u8.ToArray());
        ((VsockPeerSocket)socket).ShutDownSending();
        using var question = new MemoryStream();
        await stream.CopyToAsync(question).WaitAsync(VsockBench.Limit);
        await stream.WriteAsync("late"u8.ToArray());
        await stream.DisposeAsync();

        Assert.Equal(17, question.Length);
        using var answer = new MemoryStream();
        await socket.CopyToAsync(answer).WaitAsync(VsockBench.Limit);
        Assert.Equal("late"u8.ToArray(), answer.ToArray());
        await EventuallyGone(guest);
    }

    [Fact]
    public async Task Connections_ByTheThousand_AllCarryTheirOwn()
    {
        const int Count = 2000;
        using var guest = new VsockPeer(new VsockDeviceOptions { MaxConnections = Count });
        guest.Listen(Port, static socket => socket.CopyToAsync(socket));
        using VsockListener listener = guest.Device.Listen(Port, Count);
        VsockConnection[] connections = new VsockConnection[Count];
        Stream[] sockets = new Stream[Count / 2];
        for (int i = 0; i < Count / 2; i++)
        {
            connections[i] = await guest.Device.ConnectAsync(Port).AsTask().WaitAsync(VsockBench.Limit);
        }

        for (int i = 0; i < Count / 2; i++)
        {
            sockets[i] = await guest.ConnectAsync(Port).WaitAsync(VsockBench.Limit);
            connections[i + (Count / 2)] = await listener.AcceptAsync().AsTask().WaitAsync(VsockBench.Limit);
            _ = sockets[i].CopyToAsync(sockets[i]);
        }

        Assert.Equal(Count, guest.Device.ConnectionCount);
        Stream[] streams = [.. connections.Select(static connection => connection.AsStream())];
        for (int i = 0; i < Count; i++)
        {
            await streams[i].WriteAsync(BitConverter.GetBytes(i));
        }

        byte[] answer = new byte[4];
        for (int i = 0; i < Count; i++)
        {
            await streams[i].ReadExactlyAsync(answer).AsTask().WaitAsync(VsockBench.Limit);
            Assert.Equal(i, BitConverter.ToInt32(answer));
            await streams[i].DisposeAsync();
        }

        await EventuallyGone(guest);
    }

    [Fact]
    public async Task Reader_ThatIsSlow_HurtsOnlyItself()
    {
        using var guest = new VsockPeer();
        guest.Listen(1, static socket => Send(socket, 16 << 20, seed: 1)); // the host never reads it
        guest.Listen(2, static _ => Task.Delay(Timeout.Infinite)); // never reads
        guest.Listen(3, static socket => socket.CopyToAsync(socket));
        await using VsockConnection unread = await guest.Device.ConnectAsync(1).AsTask().WaitAsync(VsockBench.Limit);
        await using VsockConnection untaken = await guest.Device.ConnectAsync(2).AsTask().WaitAsync(VsockBench.Limit);
        Task sending = Send(untaken.Output.AsStream(leaveOpen: true), 16 << 20, seed: 2);
        await using Stream lively = (await guest.Device.ConnectAsync(3).AsTask().WaitAsync(VsockBench.Limit)).AsStream();

        byte[] bytes = new byte[10_000];
        for (int i = 0; i < 500; i++)
        {
            await lively.WriteAsync(bytes);
            await lively.ReadExactlyAsync(bytes).AsTask().WaitAsync(VsockBench.Limit);
        }

        Assert.False(sending.IsCompleted);
        Assert.InRange(guest.Device.BytesFromGuest, 5_000_000, 5_000_000 + (256 << 10));
        Assert.InRange(guest.Device.BytesToGuest, 5_000_000, 5_000_000 + (64 << 10));
        untaken.Abort();
        unread.Abort();
        await Assert.ThrowsAsync<VsockException>(() => sending.WaitAsync(VsockBench.Limit));
    }

    private static async Task<byte[]> Send(Stream stream, int length, int seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(seed);
        byte[] bytes = new byte[100_000];
        for (int done = 0; done < length;)
        {
            int part = int.Min(random.Next(1, bytes.Length), length - done);
            random.NextBytes(bytes.AsSpan(0, part));
            hash.AppendData(bytes, 0, part);
            await stream.WriteAsync(bytes.AsMemory(0, part));
            done += part;
        }

        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> Hash(Stream stream, int length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[50_000];
        for (int done = 0; done < length;)
        {
            int part = await stream.ReadAsync(bytes);
            Assert.NotEqual(0, part);
            hash.AppendData(bytes, 0, part);
            done += part;
        }

        return hash.GetHashAndReset();
    }

    private static async Task EventuallyGone(VsockPeer guest)
    {
        long start = Stopwatch.GetTimestamp();
        while (guest.Device.ConnectionCount > 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < VsockBench.Limit, $"{guest.Device.ConnectionCount} connections stay.");
            await Task.Yield();
        }
    }
}
