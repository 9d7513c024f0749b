using HvSdk.Devices;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>A guest that does to the bus whatever comes to its mind, from several processors at once.</summary>
[Collection(nameof(Alone))]
public sealed class HostilePciTests
{
    private const int Accesses = 40_000;
    private const int Processors = 4;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Bus_UnderRandomAccesses_NeitherThrowsNorGrows(int seed)
    {
        using var machine = new Machine();
        machine.Poke(new Random(seed), Accesses / 10);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        machine.Poke(new Random(seed + 100), Accesses);

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 2 << 20); // the records of the bench among it
        machine.Check();
    }

    [Fact]
    public async Task Bus_UnderRandomAccessesOfSeveralProcessors_NeitherThrowsNorHangs()
    {
        using var machine = new Machine();
        Task[] processors = [.. Enumerable.Range(0, Processors).Select(i => Task.Factory.StartNew(
            () => machine.Poke(new Random(i), Accesses / Processors), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        await Task.WhenAll(processors).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        machine.Check();
    }

    [Fact]
    public void Bus_InSteadyState_AllocatesNothingPerAccess()
    {
        using var machine = new Machine();
        machine.Rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        // Beside what the bench records.
        Assert.InRange(Allocations.Least(() => machine.PokeInPlace(2_000)), 0, 8 * 1024);
    }

    /// <summary>Three devices with all that a device may have, which signal at their accesses, and keep doorbells in their windows, under locks of their own.</summary>
    private sealed class Machine : IDisposable
    {
        private static readonly int[] s_sizes = [1, 2, 4, 8, 3, 5, 6, 7];
        private readonly List<SignallingDevice> _devices = [];

        public Machine()
        {
            var actions = new Action<IPciSlot>[3];
            for (int i = 0; i < actions.Length; i++)
            {
                var device = new SignallingDevice();
                _devices.Add(device);
                actions[i] = device.Attach;
            }

            Rig = new PciRig(new PciHostBridge { HighWindow = new PciMemoryWindow(0x10_0000_0000, 0x10_0000_0000), ResetPort = new ResetControl() }, actions);
        }

        public PciRig Rig { get; }

        public void Poke(Random random, int count)
        {
            for (int i = 0; i < count; i++)
            {
                int size = s_sizes[random.Next(s_sizes.Length)];
                switch (random.Next(64) == 0 ? -1 : random.Next(4))
                {
                    case -1:
                        UseAsDriver(random);
                        break;
                    case 0:
                        int device = random.Next(5);
                        int offset = random.Next(8) == 0 ? random.Next(0x8000) : random.Next(0x80);
                        Access(random, size, Rig.Bridge.EcamAddress + ((ulong)device << 15) + (ulong)offset);
                        break;
                    case 1:
                        Rig.Bench.WritePort(0xCF8, 0x8000_0000u | (uint)random.Next(0x2000), 4);
                        Rig.Bench.WritePort((ushort)(0xCF8 + random.Next(8)), Value(random), random.Next(1, 5));
                        break;
                    case 2:
                        Rig.Bench.ReadPort((ushort)(0xCF8 + random.Next(8)), random.Next(1, 5));
                        break;
                    default:
                        AccessWindow(random, size);
                        break;
                }
            }
        }

        public void PokeInPlace(int count)
        {
            ulong address = Rig.Read(1, PciRig.Bar0) & ~0xFUL;
            for (int i = 0; i < count; i++)
            {
                Rig.Read(1, i & 0xFF, 4);
                Rig.Write(1, 0x3C, (ulong)i, 1);
                Rig.Bench.ReadPort(0xCFC, 4);
                Rig.ReadMemory(address + ((ulong)i & 0xFF));
            }
        }

        /// <summary>Whatever it was, each window is at most once on the bus, and where the bridge passes accesses on.</summary>
        public void Check()
        {
            Assert.InRange(Rig.Partition.Mmio.Windows.Count, 0, 9);
            Assert.All(Rig.Partition.Mmio.Windows, window => Assert.True(
                Rig.Bridge.LowWindow.Contains(window.Address, window.Size) || Rig.Bridge.HighWindow!.Value.Contains(window.Address, window.Size)));
            Assert.NotEmpty(Rig.Messages); // else the guest was too tame
            Assert.All(_devices, static device => Assert.NotEqual(0, device.Moves));
            Assert.All(Rig.Messages, static message => Assert.Equal(0xFEE0_0000UL, message.Address & ~0xF_FFFFUL));
            Rig.Bench.End();
            Assert.Empty(Rig.Partition.Mmio.Windows);
            Assert.All(_devices, static device => Assert.False(device.HasDoorbell));
        }

        public void Dispose() => Rig.Dispose();

        /// <summary>Does for once what a driver does, so that what is hostile afterwards meets a device that works.</summary>
        private void UseAsDriver(Random random)
        {
            int device = random.Next(1, 4);
            ulong place = 0xE900_0000 + ((ulong)random.Next(64) << 12);
            int capability = (int)Rig.Read(device, (int)Rig.Read(device, PciRig.CapabilitiesPointer, 1) + 1, 1); // the second
            Rig.Write(device, PciRig.Bar0, place);
            Rig.Write(device, 0x20, place + 0x10_0000);
            Rig.Write(device, PciRig.Command, PciRig.MemorySpace | PciRig.BusMaster, 2);
            Rig.Write(device, capability + 2, 1 << 15, 2);
            if (Rig.Partition.Mmio.Find(place + 0x10_0000) is { } table)
            {
                ulong entry = (ulong)random.Next(40) * 16;
                table.Device.Write(entry, [0, 0, 0xE0, 0xFE, 0, 0, 0, 0]);
                table.Device.Write(entry + 8, [0x41, 0, 0, 0, 0, 0, 0, 0]);
            }
        }

        private void Access(Random random, int size, ulong address)
        {
            if (random.Next(2) == 0)
            {
                Rig.Bench.ReadMmio(address, size);
            }
            else
            {
                Rig.Bench.WriteMmio(address, Value(random), size);
            }
        }

        private void AccessWindow(Random random, int size)
        {
            IReadOnlyList<BusWindow> windows = Rig.Partition.Mmio.Windows;
            if (windows.Count == 0)
            {
                return;
            }

            BusWindow window = windows[random.Next(windows.Count)];
            Span<byte> data = stackalloc byte[size];
            random.NextBytes(data);
            ulong offset = (ulong)random.NextInt64(int.Min((int)window.Size, 0x1000) - size + 1);
            if (random.Next(2) == 0)
            {
                window.Device.Read(offset, data);
            }
            else
            {
                window.Device.Write(offset, data);
            }
        }

        /// <summary>Anything; often what windows, commands and messages are made of.</summary>
        private static ulong Value(Random random) => random.Next(5) switch
        {
            0 => 0xE800_0000 + ((ulong)random.Next(64) << 12),
            1 => 0x0406_8000_0406,
            2 => 0xFEE0_0000 | ((ulong)random.Next(256) << 32),
            3 => ulong.MaxValue,
            _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        };
    }

    private sealed class SignallingDevice : IBusDevice
    {
        private readonly Lock _gate = new();
        private IPciMessages? _messages;
        private IInterruptLine? _pin;
        private Partition? _partition;
        private Doorbell? _doorbell;
        private int _accesses;

        public bool HasDoorbell => _doorbell is not null;

        public int Moves { get; private set; }

        public void Attach(IPciSlot slot)
        {
            slot.AddBar(0, 0x1000, this);
            slot.AddBar(2, 0x1000, this, PciBarOptions.Wide | PciBarOptions.Prefetchable);
            slot.OnBarMapped(0, Move);
            slot.AddCapability(9, 14, this);
            _messages = slot.UseMsiX(40, 4);
            _pin = slot.ConnectInterruptPin();
            slot.OnConnected(partition => _partition = partition);
        }

        public void Read(ulong offset, Span<byte> data) => Signal();

        public void Write(ulong offset, ReadOnlySpan<byte> data) => Signal();

        private void Signal()
        {
            lock (_gate)
            {
                _accesses++;
                _pin!.Set(_accesses % 2 == 0);
                _messages!.Signal(_accesses % 64);
                _messages.IsMasked(_accesses % 64);
            }
        }

        private void Move(ulong? address)
        {
            lock (_gate)
            {
                Moves++;
                _doorbell?.Dispose();
                _doorbell = address is { } place ? _partition!.CreateDoorbell(DoorbellLocation.Mmio(place + 0x10)) : null;
            }
        }
    }
}
