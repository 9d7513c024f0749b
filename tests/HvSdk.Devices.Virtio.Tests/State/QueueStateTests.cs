using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>A device that is saved in the middle of traffic, and a fresh one that goes on over the same memory: nothing is lost, nothing comes twice.</summary>
public sealed class QueueStateTests
{
    /// <summary>Both transports with each kind of queue.</summary>
    public static TheoryData<bool, ulong> Transports
    {
        get
        {
            TheoryData<bool, ulong> data = [];
            foreach (TheoryDataRow<ulong> ring in Rings.All)
            {
                data.Add(false, ring.Data);
                data.Add(true, ring.Data);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Chains_InFlight_AreDoneByTheOtherDevice(bool isPci, ulong features)
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice { Keeps = true }, isPci);
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        Dictionary<ushort, DriverBuffer> answers = [];
        for (byte i = 0; i < 5; i++)
        {
            DriverBuffer answer = Writable(bench, 8);
            var request = new DriverBuffer(bench.Arena.Allocate([i, 7]), 2, IsWritable: false);
            answers.Add(i % 2 == 0 ? queue.Add(request, answer) : queue.AddIndirect(request, answer), answer);
        }

        bench.Work();
        bench.Pause();
        string state = bench.SaveState();
        var other = new EchoDevice();
        bench.Replace(other);
        bench.LoadState(state);
        bench.Work();

        for (int i = 0; i < answers.Count; i++)
        {
            Assert.True(queue.TryTakeUsed(out UsedBuffer used));
            Assert.Equal(2U, used.Written);
            Assert.Equal(7, bench.Memory.Read<byte>(answers[used.Id].Address + 1));
        }

        Assert.False(queue.TryTakeUsed(out _));
        Assert.Equal(1, other.Activations);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal([(byte)i], bench.Ask(0, [(byte)i], 8));
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Traffic_CutAtRandom_LosesAndRepeatsNothing(bool isPci, ulong features)
    {
        var random = new Random(unchecked((int)features) + (isPci ? 1 : 0));
        var device = new EchoDevice(16, 4);
        using AnyBench bench = AnyBench.Create(device, isPci);
        bench.Driver.Start(features | VirtioDriverFeatures.RingReset);
        Dictionary<(int, ushort), (byte Content, ulong Answer)> inFlight = [];
        ulong mark = bench.Arena.Mark;
        int sent = 0;
        int received = 0;
        int cuts = 0;
        for (int step = 0; step < 3000; step++)
        {
            int index = random.Next(2);
            switch (random.Next(8))
            {
                case < 4 when inFlight.Count(entry => entry.Key.Item1 == index) < bench.Driver.Queues[index].Size / 2:
                    Send(index);
                    break;
                case 4:
                    device.Keeps = !device.Keeps;
                    break;
                case 5:
                    bench.Pause();
                    string state = bench.SaveState();
                    device = new EchoDevice(16, 4) { Keeps = device.Keeps };
                    bench.Replace(device);
                    bench.LoadState(state);
                    cuts++;
                    break;
                default:
                    bench.Work();
                    Receive();
                    break;
            }
        }

        device.ReleaseInReverse();
        bench.Work();
        Receive();
        Assert.Equal(sent, received);
        Assert.InRange(cuts, 100, 3000);
        Assert.Null(device.Fault);

        void Send(int index)
        {
            if (inFlight.Count == 0)
            {
                bench.Arena.Clear(mark);
            }

            byte content = (byte)random.Next(256);
            DriverBuffer answer = Writable(bench, 1);
            var request = new DriverBuffer(bench.Arena.Allocate([content]), 1, IsWritable: false);
            ushort id = random.Next(2) == 0 ? bench.Driver.Queues[index].Add(request, answer) : bench.Driver.Queues[index].AddIndirect(request, answer);
            inFlight.Add((index, id), (content, answer.Address));
            sent++;
        }

        void Receive()
        {
            for (int index = 0; index < 2; index++)
            {
                while (bench.Driver.Queues[index].TryTakeUsed(out UsedBuffer used))
                {
                    Assert.True(inFlight.Remove((index, used.Id), out (byte Content, ulong Answer) request), "A chain came back twice.");
                    Assert.Equal(request.Content, bench.Memory.Read<byte>(request.Answer));
                    received++;
                }
            }
        }
    }

    [Theory]
    [InlineData(VirtioDriverFeatures.InOrder)]
    [InlineData(VirtioDriverFeatures.InOrder | VirtioDriverFeatures.PackedRing)]
    public void Chains_GivenBackThatWaitForOthers_AreNotDoneAgain(ulong features)
    {
        var device = new Reluctant();
        using AnyBench bench = AnyBench.Create(device, isPci: false);
        bench.Driver.Start(features);
        for (int i = 0; i < 4; i++)
        {
            bench.Driver.Queues[0].Add(Writable(bench, 1));
        }

        bench.Work();
        bench.Pause();
        string state = bench.SaveState();
        var other = new Reluctant { Holds = false };
        bench.Replace(other);
        bench.LoadState(state);
        bench.Work();

        Assert.Equal(1, other.Taken);
        for (uint i = 0; i < 4; i++)
        {
            Assert.True(bench.Driver.Queues[0].TryTakeUsed(out UsedBuffer used));
            Assert.Equal(i == 0 ? 0U : 1, used.Written);
        }
    }

    [Fact]
    public void Device_WithAWorker_GoesOnByDoorbell()
    {
        var first = new VirtioMmio(new EchoDevice { Keeps = true });
        using var bench = new VirtioBench(first);
        bench.Driver.Start();
        var answer = new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true);
        bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate([5]), 1, IsWritable: false), answer);
        bench.Driver.Queues[0].Notify();
        bench.Slot.Pause();
        VirtioMmioState state = first.SaveState();

        var second = new VirtioMmio(new EchoDevice());
        bench.Replace(second);
        bench.Slot.Pause();
        second.LoadState(state);
        bench.Slot.Resume();

        Assert.Equal(1U, bench.Driver.Queues[0].TakeUsed().Written);
        Assert.Equal([1, 2], bench.Driver.Queues[0].Exchange([1, 2], 8));
    }

    private static DriverBuffer Writable(AnyBench bench, uint length) => new(bench.Arena.Allocate(length), length, IsWritable: true);

    /// <summary>Gives chains back, but for the first one.</summary>
    private sealed class Reluctant : VirtioDevice
    {
        public override uint DeviceId => 0x3F;

        public override IReadOnlyList<int> QueueSizes { get; } = [8];

        public bool Holds { get; init; } = true;

        public int Taken { get; private set; }

        protected internal override void Process(Virtqueue queue)
        {
            while (queue.TryTake(out DescriptorChain? chain))
            {
                if (!Holds || Taken > 0)
                {
                    queue.Complete(chain, Holds ? 1 : 0);
                }

                Taken++;
            }
        }
    }
}
