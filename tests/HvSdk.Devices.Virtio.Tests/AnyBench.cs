using System.Text.Json;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>A device behind either transport, whose worker is the test.</summary>
internal abstract class AnyBench : IDisposable
{
    /// <summary>Buffers lie from here on to the end of memory; queues and tables below.</summary>
    public const ulong BuffersStart = 2 << 20;

    /// <summary>Bytes of guest memory.</summary>
    public const ulong MemorySize = 4 << 20;

    private const int MaxRounds = 20_000;

    public abstract VirtioDriver Driver { get; }

    public abstract GuestArena Arena { get; }

    public abstract ManualTimeProvider Time { get; }

    internal abstract VirtioEndpoint Endpoint { get; }

    public GuestMemory Memory => Arena.Memory;

    public static AnyBench Create(VirtioDevice device, bool isPci) => isPci ? new OnPci(device) : new OnMmio(device);

    /// <summary>Reads or writes any register.</summary>
    public abstract void Poke(Random random);

    /// <summary>The guest's doing that concerns the transport alone; <see cref="Settle"/> undoes it.</summary>
    public virtual void Disturb(Random random)
    {
    }

    /// <summary>The transport is as a driver needs it.</summary>
    public virtual void Settle()
    {
    }

    public abstract void Pause();

    public abstract void Resume();

    /// <summary>The state of transport and device, by way of a text.</summary>
    public abstract string SaveState();

    public abstract void LoadState(string state);

    /// <summary>Ends the device and puts a fresh one in its place.</summary>
    public abstract void Replace(VirtioDevice device);

    /// <summary>Works; a limit on the rounds is a hang found.</summary>
    public void Work()
    {
        int rounds = 0;
        while (Endpoint.RunOnce())
        {
            if (++rounds >= MaxRounds)
            {
                throw new InvalidOperationException("The device never comes to an end of its work.");
            }
        }
    }

    /// <summary>A request by the queue's own rules, and its answer.</summary>
    public byte[] Ask(int queue, ReadOnlySpan<byte> request, int room)
    {
        Span<DriverBuffer> buffers = stackalloc DriverBuffer[2];
        int count = 0;
        if (!request.IsEmpty)
        {
            buffers[count++] = new DriverBuffer(Arena.Allocate(request), (uint)request.Length, IsWritable: false);
        }

        ulong answer = Arena.Allocate((ulong)room);
        if (room > 0)
        {
            buffers[count++] = new DriverBuffer(answer, (uint)room, IsWritable: true);
        }

        Driver.Queues[queue].Add(buffers[..count]);
        Work();
        Assert.True(Driver.Queues[queue].TryTakeUsed(out UsedBuffer used), "The device does not answer.");
        byte[] bytes = new byte[used.Written];
        Memory.Read(answer, bytes);
        return bytes;
    }

    public abstract void Dispose();

    private static ulong Value(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        1 => (ulong)random.Next(16),
        _ => (ulong)random.Next((int)MemorySize) & ~0xFUL,
    };

    private sealed class OnMmio : AnyBench
    {
        private VirtioMmio _transport;
        private readonly VirtioBench _bench;
        private readonly ulong _window;

        public OnMmio(VirtioDevice device)
        {
            _transport = new VirtioMmio(device, hasWorker: false);
            _bench = new VirtioBench(_transport, MemorySize);
            _window = _bench.Slot.Description.Windows[0].Address;
        }

        public override VirtioDriver Driver => _bench.Driver;

        public override GuestArena Arena => _bench.Arena;

        public override ManualTimeProvider Time => _bench.Slot.Time;

        internal override VirtioEndpoint Endpoint => _transport.Endpoint;

        public override void Poke(Random random)
        {
            ulong address = _window + (ulong)(random.Next(8) == 0 ? random.Next(0x1000 - 8) : random.Next(0x140 / 4) * 4);
            int size = random.Next(4) == 0 ? random.Next(1, 9) : 4;
            if (random.Next(3) == 0)
            {
                _bench.Slot.ReadMmio(address, size);
            }
            else
            {
                _bench.Slot.WriteMmio(address, Value(random), size);
            }
        }

        public override void Pause() => _bench.Slot.Pause();

        public override void Resume() => _bench.Slot.Resume();

        public override string SaveState() => JsonSerializer.Serialize(_transport.SaveState());

        public override void LoadState(string state) => _transport.LoadState(JsonSerializer.Deserialize<VirtioMmioState>(state)!);

        public override void Replace(VirtioDevice device)
        {
            _transport = new VirtioMmio(device, hasWorker: false);
            _bench.Replace(_transport);
        }

        public override void Dispose() => _bench.Dispose();
    }

    private sealed class OnPci : AnyBench
    {
        private const int Registers = 0;

        private VirtioPci _transport;
        private readonly VirtioPciBench _bench;

        public OnPci(VirtioDevice device)
        {
            _transport = new VirtioPci(device, hasWorker: false);
            _bench = new VirtioPciBench(_transport, MemorySize);
        }

        public override VirtioDriver Driver => _bench.Driver;

        public override GuestArena Arena => _bench.Arena;

        public override ManualTimeProvider Time => _bench.Slot.Time;

        internal override VirtioEndpoint Endpoint => _transport.Endpoint;

        public override void Poke(Random random)
        {
            if (random.Next(8) == 0)
            {
                PokeCapability(random);
                return;
            }

            ulong offset = (ulong)random.Next(5) switch
            {
                0 => (ulong)random.Next(0x3FF8),
                1 => 0x2000 + (ulong)random.Next(64),
                2 => 0x3000,
                _ => (ulong)random.Next(0x40) & ~1UL,
            };
            int size = random.Next(4) switch { 0 => 1, 1 => 2, 2 => 4, _ => random.Next(1, 9) };
            if (random.Next(3) == 0)
            {
                _bench.Slot.ReadBar(Registers, offset, size);
            }
            else
            {
                _bench.Slot.WriteBar(Registers, offset, Value(random), size);
            }
        }

        public override void Disturb(Random random)
        {
            switch (random.Next(4))
            {
                case 0:
                    _bench.Slot.IsBusMaster = !_bench.Slot.IsBusMaster;
                    break;
                case 1:
                    _bench.Slot.Messages!.IsEnabled = !_bench.Slot.Messages.IsEnabled;
                    break;
                default:
                    _bench.Slot.MoveBar(Registers, random.Next(3) == 0 ? null : 0xE000_0000 + ((ulong)random.Next(8) << 16));
                    break;
            }
        }

        public override void Settle()
        {
            _bench.Slot.IsBusMaster = true;
            _bench.Slot.Messages!.IsEnabled = true;
            _bench.Slot.MoveBar(Registers, 0xE000_0000);
        }

        public override void Pause() => _bench.Slot.Pause();

        public override void Resume() => _bench.Slot.Resume();

        public override string SaveState() => JsonSerializer.Serialize(_transport.SaveState());

        public override void LoadState(string state) => _transport.LoadState(JsonSerializer.Deserialize<VirtioPciState>(state)!);

        public override void Replace(VirtioDevice device)
        {
            _transport = new VirtioPci(device, hasWorker: false);
            _bench.Replace(_transport);
        }

        public override void Dispose() => _bench.Dispose();

        /// <summary>Registers through the configuration space (virtio 1.2, 4.1.4.9).</summary>
        private void PokeCapability(Random random)
        {
            PciBenchCapability capability = _bench.Slot.Capabilities[random.Next(_bench.Slot.Capabilities.Count)];
            int offset = random.Next(capability.Length);
            int size = int.Min(1 << random.Next(3), capability.Length - offset);
            if (random.Next(2) == 0)
            {
                capability.Read(offset, size);
            }
            else
            {
                capability.Write(offset, (uint)Value(random), size);
            }
        }
    }
}
