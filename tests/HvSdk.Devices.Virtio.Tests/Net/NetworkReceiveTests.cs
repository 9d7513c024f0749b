using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Frames for the driver (virtio 1.2, 5.1.6.3 and 5.1.6.4).</summary>
public sealed class NetworkReceiveTests
{
    private const ulong GuestChecksum = 1UL << 1;
    private const ulong GuestTso4 = 1UL << 7;
    private const ulong GuestEcn = 1UL << 9;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Frame_ForADriverWithoutMergeableBuffers_LiesInOneChain(ulong features)
    {
        using var bench = new NetworkBench(features: features);
        bench.Offer(1526, 3);
        foreach (int length in new[] { 14, 60, 1514 })
        {
            Assert.True(bench.Peer.TrySend(NetworkBench.Frame(length)));
            byte[] received = bench.TakeReceived()!;
            Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], received[..12]);
            Assert.Equal(NetworkBench.Frame(length), received[12..]);
        }

        Assert.Equal(3, bench.Device.Statistics.FramesReceived);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Frame_ForADriverWithMergeableBuffers_IsSpreadOverChains(ulong features)
    {
        using var bench = new NetworkBench(features: features | NetworkBench.MergeableBuffers);
        for (int i = 0; i < 3; i++)
        {
            bench.Offer(100, 20);
            Assert.True(bench.Peer.TrySend(NetworkBench.Frame(1514)));
            byte[] received = bench.TakeReceived()!;
            Assert.Equal(16, BinaryPrimitives.ReadUInt16LittleEndian(received.AsSpan(10)));
            Assert.Equal(NetworkBench.Frame(1514), received[12..]);
        }
    }

    /// <summary>A driver that looks at the used ring meanwhile finds all buffers of a frame there, or none (virtio 1.2, 5.1.6.4.1): Linux drops a frame that it finds a part of.</summary>
    [Fact]
    public void Frame_SpreadOverChains_IsSeenAsAWhole()
    {
        const int chains = 16;
        const int usedIndex = 2; // behind the flags (virtio 1.2, 2.7.8)
        using var bench = new NetworkBench(features: NetworkBench.MergeableBuffers);
        ulong address = bench.Driver.Queues[0].DeviceArea + usedIndex;
        GuestMemory memory = bench.Bench.Memory;
        bool isDone = false;
        using var looks = new ManualResetEventSlim();
        var seen = new HashSet<int>();
        var driver = new Thread(() =>
        {
            do
            {
                seen.Add(memory.Read<ushort>(address) % chains);
                looks.Set();
            }
            while (!Volatile.Read(ref isDone));
        });
        driver.Start();
        Waits.Until(() => looks.IsSet, "the driver's thread looks");
        for (int i = 0; i < 500; i++)
        {
            bench.Offer(100, chains);
            Assert.True(bench.Peer.TrySend(NetworkBench.Frame(1514)));
            Assert.Equal(NetworkBench.Frame(1514), bench.TakeReceived()![12..]);
        }

        Volatile.Write(ref isDone, true);
        driver.Join();
        Assert.Equal([0], seen);
    }

    [Fact]
    public void Frame_ThatBuffersAreMissingFor_WaitsForThem()
    {
        using var bench = new NetworkBench();
        bench.Offer(500, 2);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(1514)));
        Assert.Null(bench.TakeReceived());
        bench.Offer(500, 3);
        Assert.Equal(NetworkBench.Frame(1514), bench.TakeReceived()![12..]);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(300)));
        Assert.Equal(NetworkBench.Frame(300), bench.TakeReceived()![12..]);
    }

    [Fact]
    public void Frame_LargerThanTheDriversBuffer_IsDroppedAndTheBufferKept()
    {
        using var bench = new NetworkBench(features: 0);
        bench.Offer(200);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(189)));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(188)));
        Assert.Equal(188 + 12, bench.TakeReceived()!.Length);
        Assert.Equal(1, bench.Device.Statistics.TooLarge);
    }

    [Fact]
    public void Frame_LargerThanAllMergeableBuffers_IsDropped()
    {
        using var bench = new NetworkBench(new() { QueueSize = 4 });
        bench.Offer(100, 4);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(389)));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(388)));
        Assert.Equal(388 + 12, bench.TakeReceived()!.Length);
        Assert.Equal(1, bench.Device.Statistics.TooLarge);
    }

    [Fact]
    public void Frame_ThatADriverNeverGivesEnoughBuffersFor_IsDroppedAfterATime()
    {
        using var bench = new NetworkBench();
        bench.Offer(500, 2);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(1514)));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60)));
        Assert.Null(bench.TakeReceived());
        bench.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Null(bench.TakeReceived());
        bench.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(NetworkBench.Frame(60), bench.TakeReceived()![12..]);
        Assert.Equal(1, bench.Device.Statistics.TooLarge);
    }

    [Fact]
    public void Buffer_WithoutRoomForAHeader_ComesBackEmpty()
    {
        using var bench = new NetworkBench();
        bench.Offer(11, 2);
        bench.Offer(100);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60)));
        Assert.Empty(bench.TakeReceived()!);
        Assert.Empty(bench.TakeReceived()!);
        Assert.Equal(72, bench.TakeReceived()!.Length);
    }

    [Fact]
    public void Offload_ThatTheDriverTakes_IsLeftToIt()
    {
        using var bench = new NetworkBench();
        bench.Offer(200);
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp4, KnownFrames.Tcp4Offload()));
        byte[] received = bench.TakeReceived()!;
        Assert.Equal(NetworkBench.Header(1, 0x81, 66, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset)[..10], received[..10]);
        Assert.Equal(KnownFrames.Tcp4, received[12..]);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(GuestChecksum)]
    [InlineData(GuestChecksum | GuestTso4)] // and without the notification of congestion, which the frame has
    public void Segments_ThatTheDriverDoesNotTake_AreCut(ulong features)
    {
        using var bench = new NetworkBench(features: features);
        bench.Offer(200, 3);
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp4, KnownFrames.Tcp4Offload()));
        foreach (byte[] segment in KnownFrames.Tcp4Segments)
        {
            byte[] received = bench.TakeReceived()!;
            Assert.Equal((features & GuestChecksum) != 0 ? 2 : 0, received[0]);
            Assert.Equal(segment, received[12..]);
        }
    }

    [Fact]
    public void Segments_ThatWaitForBuffersOneByOne_AllArrive()
    {
        using var bench = new NetworkBench(features: 0);
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp6, KnownFrames.Tcp6Offload()));
        foreach (byte[] segment in KnownFrames.Tcp6Segments)
        {
            Assert.Null(bench.TakeReceived());
            bench.Offer(200);
            Assert.Equal(segment, bench.TakeReceived()![12..]);
        }
    }

    [Fact]
    public void Checksum_ThatTheDriverDoesNotTake_IsCompletedEvenAfterAWait()
    {
        using var bench = new NetworkBench(features: 0);
        Assert.True(bench.Peer.TrySend(KnownFrames.Udp4, KnownFrames.Udp4Offload));
        Assert.Null(bench.TakeReceived());
        Assert.Null(bench.TakeReceived());
        bench.Offer(200);
        Assert.Equal(KnownFrames.Udp4Whole, bench.TakeReceived()![12..]);
    }

    [Fact]
    public void Offload_ThatDoesNotFitTheFrame_IsCountedAndDropped()
    {
        using var bench = new NetworkBench();
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60), KnownFrames.Tcp4Offload()));
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp4, KnownFrames.Tcp4Offload(0)));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60), new FrameOffload { NeedsChecksum = true, ChecksumStart = 59, ChecksumOffset = 0 }));
        Assert.Equal(3, bench.Device.Statistics.Malformed);
    }

    [Fact]
    public async Task Frames_BeyondTheBound_MakeThePeerWaitAndThenArrive()
    {
        using var bench = new NetworkBench(new() { ReceiveBufferSize = 256 << 10 });
        int sent = 0;
        while (bench.Peer.TrySend(NetworkBench.Frame(10_000, (byte)sent)))
        {
            Assert.True(++sent < 27, "More was taken than there is room for.");
        }

        Assert.Equal(1, bench.Device.Statistics.Refused);
        Task waits = bench.Peer.SendAsync(NetworkBench.Frame(10_000, (byte)sent), cancellationToken: TestContext.Current.CancellationToken).AsTask();
        Assert.False(waits.IsCompleted);
        for (int i = 0; i <= sent; i++)
        {
            bench.Offer(12_000);
            byte[]? received = bench.TakeReceived();
            if (i == sent && received is null)
            {
                await waits.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
                received = bench.TakeReceived();
            }

            Assert.Equal(NetworkBench.Frame(10_000, (byte)i), received![12..]);
        }
    }

    [Fact]
    public void Frames_WithoutADriver_AreDropped()
    {
        using var bench = new NetworkBench(starts: false);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60)));
        Assert.Equal(1, bench.Device.Statistics.ReceivedDropped);
    }

    [Fact]
    public void Reset_WithFramesThatWait_DropsThemAndGoesOn()
    {
        using var bench = new NetworkBench();
        bench.Offer(100);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(500)));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(501)));
        Assert.Null(bench.TakeReceived());
        bench.Driver.Start();
        Assert.Equal(2, bench.Device.Statistics.ReceivedDropped);
        bench.Offer(1000);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(502)));
        Assert.Equal(NetworkBench.Frame(502), bench.TakeReceived()![12..]);
    }

    [Fact]
    public void QueueReset_WithABufferTaken_ForgetsIt()
    {
        using var bench = new NetworkBench();
        bench.Offer(100);
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(500)));
        Assert.Null(bench.TakeReceived());
        bench.Driver.ResetQueue(0);
        bench.Driver.SetUpQueue(0);
        bench.Offer(600);
        Assert.Equal(NetworkBench.Frame(500), bench.TakeReceived()![12..]);
    }

    [Fact]
    public void Frames_WithALimit_ComeInTime()
    {
        using var bench = new NetworkBench(new() { ReceiveBytes = new RateLimit(1000, 1000) });
        bench.Offer(2000, 3);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(bench.Peer.TrySend(NetworkBench.Frame(1000)));
        }

        Assert.NotNull(bench.TakeReceived());
        for (int i = 0; i < 2; i++)
        {
            Assert.Null(bench.TakeReceived());
            bench.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(1));
            Assert.NotNull(bench.TakeReceived());
        }
    }

    [Fact]
    public void Frame_OfAConnection_ComesToThePairThatTheDriverSentOn()
    {
        using var bench = new NetworkBench(new() { QueuePairs = 4 });
        Assert.Equal(4UL, bench.Driver.ReadConfiguration(8, 2));
        for (int pair = 0; pair < 4; pair++)
        {
            bench.Offer(2000, 4, pair);
        }

        Assert.Equal(0, bench.Command(4, 0, 4, 0));
        bench.Send(KnownFrames.Udp4Whole, pair: 2);
        byte[] answer = [.. KnownFrames.Udp4Whole];
        KnownFrames.Udp4Whole.AsSpan(26, 4).CopyTo(answer.AsSpan(30));
        KnownFrames.Udp4Whole.AsSpan(30, 4).CopyTo(answer.AsSpan(26));
        KnownFrames.Udp4Whole.AsSpan(34, 2).CopyTo(answer.AsSpan(36));
        KnownFrames.Udp4Whole.AsSpan(36, 2).CopyTo(answer.AsSpan(34));
        Assert.True(bench.Peer.TrySend(answer));
        Assert.Equal(answer, bench.TakeReceived(2)![12..]);
    }

    [Fact]
    public void Congestion_Notified_IsAnOffloadOfItsOwn()
    {
        using var bench = new NetworkBench(features: GuestChecksum | GuestTso4 | GuestEcn);
        bench.Offer(200);
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp4, KnownFrames.Tcp4Offload()));
        Assert.Equal(0x81, bench.TakeReceived()![1]);
    }
}
