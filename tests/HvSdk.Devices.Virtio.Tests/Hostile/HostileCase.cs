using System.Text.Json;
using System.Text.Json.Nodes;
using HvSdk.Devices.Virtio.Tests.State;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

/// <summary>One device, one transport, one kind of queue, and a driver that sends what a seed says: some of its sessions keep to the rings, others lie about all of it.</summary>
internal sealed class HostileCase(HostileSubject subject, bool isPci, ulong ring, Random random)
{
    private const int MaxContent = 4096;
    private const int StepsInSession = 48;
    private const int RegistersInSequence = 128;

    private readonly Dictionary<(int Queue, ushort Id), long> _inFlight = [];
    private readonly byte[] _content = new byte[MaxContent];
    private readonly byte[] _noise = new byte[16];
    private AnyBench _bench = null!;
    private bool _isLiar;

    /// <summary>Chains that were made available.</summary>
    public long Chains { get; private set; }

    /// <summary>Accesses of registers beside those that a session needs.</summary>
    public long Registers { get; private set; }

    /// <summary>Writes into rings and tables that no driver makes.</summary>
    public long Lies { get; private set; }

    /// <summary>Sessions that ended with a device that asked to be reset.</summary>
    public long Faults { get; private set; }

    /// <summary>How often the state was saved and loaded.</summary>
    public long States { get; private set; }

    /// <summary>Sends so many chains, and proves that the device works after them.</summary>
    public void Run(int chains)
    {
        using AnyBench bench = AnyBench.Create(subject.Device, isPci);
        _bench = bench;
        subject.Meddle = () => Lie(1);
        ulong mark = bench.Arena.Mark;
        while (Chains < chains)
        {
            bench.Settle();
            bench.Arena.Clear(mark);
            _inFlight.Clear();
            if (TryStart())
            {
                RunSession();
            }

            RunRegisters();
            Assert.DoesNotContain(" failed: ", subject.Device.Fault ?? "", StringComparison.Ordinal);
            subject.Check();
        }

        subject.Meddle = null;
        bench.Settle();
        bench.Arena.Clear(mark);
        bench.Driver.Start();
        subject.Prove(bench);
        Assert.Null(subject.Device.Fault);
    }

    /// <summary>Sends some chains, changes the device's state as a text, and loads that.</summary>
    /// <returns>Whether it was refused; the device works in either case.</returns>
    public bool LoadChanged()
    {
        using AnyBench bench = AnyBench.Create(subject.Device, isPci);
        _bench = bench;
        ulong mark = bench.Arena.Mark;
        bench.Driver.Start();
        subject.Open(bench, random);
        for (int i = 0; i < 30; i++)
        {
            Send(random.Next(bench.Driver.Queues.Count));
            subject.Act(random);
            bench.Work();
        }

        bench.Pause();
        JsonNode state = JsonNode.Parse(bench.SaveState())!;
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            StateText.ChangeAny(state["Device"]!["Device"] is { } own && random.Next(4) != 0 ? own : state, random);
        }

        bool isRefused = false;
        try
        {
            bench.LoadState(state.ToJsonString());
        }
        catch (Exception e) when (e is ArgumentException or JsonException)
        {
            isRefused = true;
        }

        bench.Resume();
        bench.Work();
        Assert.DoesNotContain(" failed: ", subject.Device.Fault ?? "", StringComparison.Ordinal);
        bench.Arena.Clear(mark);
        bench.Driver.Start();
        subject.Prove(bench);
        return isRefused;
    }

    private bool TryStart()
    {
        ulong own = _bench.Driver.DeviceFeatures & 0xFFFC_0000_00FF_FFFF;
        ulong some = random.Next(2) == 0 ? own : own & (ulong)random.NextInt64();
        try
        {
            _bench.Driver.Start(ring | VirtioDriverFeatures.RingReset | some, random.Next(2) == 0 ? null : 1 << random.Next(2, 7));
        }
        catch (InvalidOperationException)
        {
            return false; // features that do not go together
        }

        _isLiar = !subject.KeepsRings || random.Next(3) == 0;
        subject.Open(_bench, random);
        return true;
    }

    private void RunSession()
    {
        for (int i = random.Next(StepsInSession); i >= 0; i--)
        {
            Step();
            _bench.Work();
            if (!_isLiar)
            {
                TakeUsed();
            }

            if (_bench.Driver.NeedsReset)
            {
                Faults++;
                return;
            }
        }
    }

    /// <summary>Registers in any order, while the device is in whatever state the session has left it in.</summary>
    private void RunRegisters()
    {
        for (int i = random.Next(RegistersInSequence); i > 0; i--)
        {
            _bench.Poke(random);
            Registers++;
            if (random.Next(16) == 0)
            {
                _bench.Work();
            }
        }

        _bench.Work();
    }

    private void Step()
    {
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            Send(random.Next(_bench.Driver.Queues.Count));
        }

        if (_isLiar && random.Next(3) == 0)
        {
            Lie(random.Next(1, 6));
        }

        if (_isLiar && random.Next(4) == 0)
        {
            for (int i = random.Next(1, 8); i > 0; i--)
            {
                _bench.Poke(random);
                Registers++;
            }
        }

        switch (random.Next(32))
        {
            case < 12:
                subject.Act(random);
                break;
            case < 16:
                _bench.Time.Advance(TimeSpan.FromMilliseconds(random.Next(2000)));
                break;
            case 16:
                ResetQueue();
                break;
            case 17:
                _bench.Pause();
                _bench.Work();
                _bench.Resume();
                break;
            case 18:
                _bench.Disturb(random);
                Registers++;
                break;
            case 19 or 20:
                SaveAndLoad();
                break;
        }
    }

    /// <summary>Whatever the driver did before, the device's own state is one that it takes back.</summary>
    private void SaveAndLoad()
    {
        _bench.Pause();
        string state = _bench.SaveState();
        _bench.LoadState(state);
        string again = _bench.SaveState();
        if (subject.CarriesAll)
        {
            Assert.Equal(state, again);
        }

        _bench.LoadState(again);
        Assert.Equal(again, _bench.SaveState());
        _bench.Resume();
        States++;
    }

    private void Send(int index)
    {
        VirtqueueDriver queue = _bench.Driver.Queues[index];
        int length = subject.Compose(index, random, _content, out int writable);
        switch (random.Next(12))
        {
            case 0:
                length = random.Next(length + 1);
                break;
            case 1:
                random.NextBytes(_content.AsSpan(random.Next(length + 1), random.Next(16)));
                break;
            case 2:
                writable = random.Next(writable + 1);
                break;
            case 3:
                length = int.Min(length + random.Next(64), MaxContent);
                break;
        }

        List<DriverBuffer> buffers = [];
        Cut(buffers, length, isWritable: false);
        Cut(buffers, writable, isWritable: true);
        if (random.Next(_isLiar ? 8 : 96) == 0)
        {
            Spoil(buffers, queue);
        }

        if (buffers.Count == 0)
        {
            buffers.Add(new DriverBuffer(AnyBench.BuffersStart, 1, random.Next(2) == 0));
        }

        Add(index, queue, buffers);
    }

    private void Add(int index, VirtqueueDriver queue, List<DriverBuffer> buffers)
    {
        bool isIndirect = buffers.Count > queue.Size || random.Next(3) == 0;
        try
        {
            DriverBuffer[] array = [.. buffers];
            ushort id = isIndirect ? queue.AddIndirect(array) : queue.Add(array);
            Chains++;
            _inFlight[(index, id)] = buffers.Sum(static buffer => buffer.IsWritable ? buffer.Length : 0L);
        }
        catch (InvalidOperationException)
        {
            // The ring is full: the driver's side keeps to that, and a liar says that there is more.
            if (_isLiar)
            {
                Lie(1);
            }
        }
    }

    /// <summary>Puts bytes anywhere into memory, in a few pieces.</summary>
    private void Cut(List<DriverBuffer> buffers, int length, bool isWritable)
    {
        for (int done = 0; done < length;)
        {
            int part = random.Next(2) == 0 ? length - done : random.Next(1, length - done + 1);
            ulong address = AnyBench.BuffersStart + (ulong)random.Next((int)(AnyBench.MemorySize - AnyBench.BuffersStart) - part);
            if (!isWritable)
            {
                _bench.Memory.Write(address, _content.AsSpan(done, part));
            }

            buffers.Add(new DriverBuffer(address, (uint)part, isWritable));
            done += part;
        }
    }

    /// <summary>Buffers that no driver gives.</summary>
    private void Spoil(List<DriverBuffer> buffers, VirtqueueDriver queue)
    {
        bool isWritable = random.Next(2) == 0;
        switch (random.Next(7))
        {
            case 0:
                buffers.Insert(random.Next(buffers.Count + 1), new DriverBuffer(AnyBench.BuffersStart, 0, isWritable));
                break;
            case 1:
                buffers.Add(new DriverBuffer(AnyBench.MemorySize - 8, (uint)random.Next(1, 64), isWritable));
                break;
            case 2:
                buffers.Add(new DriverBuffer(ulong.MaxValue - (ulong)random.Next(64), (uint)random.Next(1, 128), isWritable));
                break;
            case 3:
                buffers.Reverse();
                break;
            case 4 when subject.TakesLargeRequests:
                var large = new DriverBuffer(AnyBench.BuffersStart, (uint)(AnyBench.MemorySize - AnyBench.BuffersStart), isWritable);
                buffers.InsertRange(isWritable ? buffers.Count : 0, Enumerable.Repeat(large, random.Next(1, 40)));
                break;
            case 5:
                buffers.AddRange(Enumerable.Repeat(new DriverBuffer(AnyBench.BuffersStart, 1, IsWritable: true), random.Next(1, 1200)));
                break;
            default:
                // The device writes over its own queue, or reads it as data.
                if (_isLiar)
                {
                    buffers.Add(new DriverBuffer(Ring(queue), (uint)random.Next(1, 256), isWritable));
                }

                break;
        }
    }

    /// <summary>Writes into rings, event indexes and tables.</summary>
    private void Lie(int count)
    {
        for (; count > 0 && _bench.Driver.Queues.Count > 0 && _isLiar; count--)
        {
            VirtqueueDriver queue = _bench.Driver.Queues[random.Next(_bench.Driver.Queues.Count)];
            random.NextBytes(_noise);
            int length = random.Next(1, random.Next(2) == 0 ? 3 : _noise.Length + 1);
            if (random.Next(2) == 0)
            {
                _noise[0] = (byte)random.Next(8);
                _noise[1] = 0;
            }

            _bench.Memory.Write(Ring(queue) + (ulong)random.Next(4), _noise.AsSpan(0, length));
            Lies++;
        }
    }

    private ulong Ring(VirtqueueDriver queue) => random.Next(4) switch
    {
        0 => queue.DriverArea,
        1 => queue.DeviceArea,
        2 => queue.Descriptors + (ulong)random.Next(queue.Size * 16),
        _ => _bench.Arena.Mark - 64, // the newest table
    };

    private void ResetQueue()
    {
        int index = random.Next(_bench.Driver.Queues.Count);
        _bench.Driver.ResetQueue((uint)index);
        foreach ((int Queue, ushort Id) key in _inFlight.Keys.Where(key => key.Queue == index).ToArray())
        {
            _inFlight.Remove(key);
        }

        _bench.Driver.SetUpQueue((uint)index, _bench.Driver.Queues[index].Size);
    }

    /// <summary>What comes back was given, comes back once, and is not longer than it was.</summary>
    private void TakeUsed()
    {
        for (int i = 0; i < _bench.Driver.Queues.Count; i++)
        {
            while (_bench.Driver.Queues[i].TryTakeUsed(out UsedBuffer used))
            {
                Assert.True(_inFlight.Remove((i, used.Id), out long writable), "A chain came back that was not there.");
                Assert.InRange(used.Written, 0, writable);
            }
        }
    }
}
