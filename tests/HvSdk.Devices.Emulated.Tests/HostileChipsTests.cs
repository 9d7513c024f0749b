using System.Buffers.Binary;
using System.Diagnostics;
using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>A guest that does to interrupt controllers, timer, power management and fw_cfg whatever comes to its mind.</summary>
[Collection(nameof(Alone))]
public sealed class HostileChipsTests
{
    private const int Accesses = 50_000;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Devices => ["pic", "ioapic", "pit", "pm", "pm24", "fwcfg"];

    [Theory]
    [MemberData(nameof(Devices))]
    public void Device_UnderRandomAccesses_NeitherThrowsNorHangsNorGrows(string name)
    {
        foreach (int seed in (int[])[1, 2, 3])
        {
            var time = Stopwatch.StartNew();
            using var rig = new Rig(name);
            var random = new Random(seed);
            rig.Poke(random, Accesses / 10);
            long before = GC.GetTotalMemory(forceFullCollection: true);

            rig.Poke(random, Accesses);

            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 256 * 1024);
            Assert.True(time.Elapsed < s_limit, $"{Accesses} accesses to {name} took {time.Elapsed}.");
            Assert.InRange(rig.Bench.Time.ActiveTimers, 0, 1);
            (rig.Device as IDisposable)?.Dispose();
            Assert.Equal(0, rig.Bench.Time.ActiveTimers);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void State_AfterRandomAccesses_IsTakenByAnother(string name)
    {
        var random = new Random(4);
        for (int round = 0; round < 50; round++)
        {
            using var rig = new Rig(name);
            using var other = new Rig(name);
            rig.Poke(random, 200);
            other.Poke(random, 50);

            object state = Rig.Save(rig.Device);
            Rig.Load(other.Device, state);

            Assert.Equivalent(state, Rig.Save(other.Device), strict: true);
            other.Poke(random, 200);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Device_InSteadyState_AllocatesNothingPerAccess(string name)
    {
        using var rig = new Rig(name);
        rig.Poke(new Random(5), 2_000, moveTime: false);

        // A handful of calls may be met for the first time.
        Assert.InRange(Allocations.Least(() => rig.Poke(rig.Random, 2_000, moveTime: false)), 0, 8 * 1024);
    }

    /// <summary>A device on a bench, with all of its windows and, where it has them, inputs.</summary>
    private sealed class Rig : IDisposable, IIoApicOutput
    {
        private const ulong MemorySize = 64 * 1024;
        private static readonly int[] s_sizes = [1, 2, 4, 8, 3, 5, 6, 7];

        private readonly Hypervisor _hypervisor = Hypervisor.Open(new ScriptedBackend());
        private readonly Partition _partition;
        private readonly List<(IBusDevice Device, int Size)> _windows = [];
        private readonly List<IInterruptLine> _inputs = [];

        internal Rig(string name)
        {
            _partition = _hypervisor.CreatePartition();
            _partition.Memory.Map(0, MemorySize);
            Device = Create(name);
            Bench.Attach(Device);
            Bench.Connect(_partition);
        }

        internal DeviceBench Bench { get; } = new();

        internal IPlatformDevice Device { get; }

        internal Random Random { get; } = new(6);

        public void Send(MsiMessage message) => Check((message.Address & 0xFFF0_0000) == 0xFEE0_0000, "A message goes to the local APICs.");

        public void SetLevelRoute(int input, MsiMessage? message) => Check(input is >= 0 and < IoApic.InputCount, "A route is that of an input.");

        public void Dispose()
        {
            (Device as IDisposable)?.Dispose();
            _partition.Dispose();
            _hypervisor.Dispose();
        }

        internal static object Save(IPlatformDevice device) => device switch
        {
            InterruptControllerPair pair => pair.SaveState(),
            IoApic ioApic => ioApic.SaveState(),
            IntervalTimer8254 timer => timer.SaveState(),
            PowerManagement power => power.SaveState(),
            _ => ((FirmwareConfiguration)device).SaveState(),
        };

        internal static void Load(IPlatformDevice device, object state)
        {
            switch (device)
            {
                case InterruptControllerPair pair:
                    pair.LoadState((InterruptControllerPairState)state);
                    break;
                case IoApic ioApic:
                    ioApic.LoadState((IoApicState)state);
                    break;
                case IntervalTimer8254 timer:
                    timer.LoadState((IntervalTimerState)state);
                    break;
                case PowerManagement power:
                    power.LoadState((PowerManagementState)state);
                    break;
                default:
                    ((FirmwareConfiguration)device).LoadState((FirmwareConfigurationState)state);
                    break;
            }
        }

        internal void Poke(Random random, int count, bool moveTime = true)
        {
            Span<byte> data = stackalloc byte[8];
            for (int i = 0; i < count; i++)
            {
                (IBusDevice device, int size) = _windows[random.Next(_windows.Count)];
                Span<byte> access = data[..s_sizes[random.Next(s_sizes.Length)]];
                ulong offset = random.Next(100) == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue) : (ulong)random.Next(size);
                random.NextBytes(access);
                if (random.Next(4) == 0)
                {
                    access.Clear(); // small numbers: selectors, low memory, counts of 0
                    access[0] = (byte)random.Next(64);
                }

                if (random.Next(2) == 0)
                {
                    device.Write(offset, access);
                }
                else
                {
                    device.Read(offset, access);
                }

                if (_inputs.Count != 0 && random.Next(4) == 0)
                {
                    _inputs[random.Next(_inputs.Count)].Set(random.Next(2) == 0);
                }

                if (random.Next(8) == 0)
                {
                    Stimulate(random);
                }

                if (moveTime && random.Next(16) == 0)
                {
                    Bench.Time.Advance(new TimeSpan(1L << random.Next(20)));
                }
            }
        }

        /// <summary>What comes from the other side: acknowledgements, ends of interrupts, buttons.</summary>
        private void Stimulate(Random random)
        {
            switch (Device)
            {
                case InterruptControllerPair pair:
                    pair.Acknowledge();
                    break;
                case IoApic ioApic:
                    ioApic.EndOfInterrupt((byte)random.Next(256));
                    break;
                case PowerManagement power:
                    power.PressPowerButton();
                    break;
                case FirmwareConfiguration firmware:
                    KickDma(firmware, random);
                    break;
                default:
                    break;
            }
        }

        /// <summary>A transfer of any kind, whose item, length and address are sometimes right.</summary>
        private void KickDma(FirmwareConfiguration firmware, Random random)
        {
            Span<byte> descriptor = stackalloc byte[16];
            BinaryPrimitives.WriteUInt16BigEndian(descriptor, (ushort)(random.Next(2) == 0 ? 0x20 + random.Next(3) : random.Next(0x10000)));
            descriptor[3] = (byte)random.Next(32);
            BinaryPrimitives.WriteUInt32BigEndian(descriptor[4..], (uint)random.NextInt64(1L << random.Next(1, 33)));
            BinaryPrimitives.WriteUInt64BigEndian(descriptor[8..], (ulong)random.NextInt64(1L << random.Next(1, 63)));
            ulong address = (ulong)random.Next((int)MemorySize);
            _partition.Memory.TryWrite(address, descriptor);
            Span<byte> kick = descriptor[..4];
            BinaryPrimitives.WriteUInt32BigEndian(kick, (uint)address);
            firmware.Write(8, kick);
        }

        /// <summary>Without the allocations of an assertion.</summary>
        private static void Check(bool isTrue, string what)
        {
            if (!isTrue)
            {
                Assert.Fail(what);
            }
        }

        private IPlatformDevice Create(string name)
        {
            switch (name)
            {
                case "pic":
                    var pic = new InterruptControllerPair();
                    _windows.AddRange([(pic.MasterPorts, 2), (pic.SlavePorts, 2), (pic.EdgeLevelPorts, 2)]);
                    _inputs.AddRange(Enumerable.Range(0, InterruptControllerPair.InputCount).Select(pic.GetInput));
                    return pic;
                case "ioapic":
                    var ioApic = new IoApic(this);
                    _windows.AddRange([(ioApic, 0x50), (ioApic, 1), (new Shifted(ioApic, 0x10), 1)]);
                    _inputs.AddRange(Enumerable.Range(0, IoApic.InputCount).Select(ioApic.GetInput));
                    return ioApic;
                case "pit":
                    var timer = new IntervalTimer8254();
                    _windows.AddRange([(timer.CounterPorts, 4), (timer.SystemControlPorts, 1)]);
                    return timer;
                case "fwcfg":
                    var firmware = new FirmwareConfiguration();
                    firmware.Add("etc/large", new byte[32 * 1024]);
                    firmware.AddWritable("etc/written", new byte[16], static _ => { });
                    _windows.AddRange([(firmware, 12), (new Shifted(firmware, 8), 1)]);
                    return firmware;
                default:
                    var power = new PowerManagement { TimerBits = name == "pm" ? 32 : 24 };
                    _windows.AddRange([(power.EventPorts, 4), (power.ControlPorts, 2), (power.TimerPorts, 4), (power.GeneralPurposeEventPorts, 4)]);
                    _inputs.AddRange([.. Enumerable.Range(0, 16).Select(power.GetEvent), power.RtcAlarm]);
                    return power;
            }
        }

        /// <summary>One register, so that it is met more often than the many bytes around it.</summary>
        private sealed class Shifted(IBusDevice device, ulong by) : IBusDevice
        {
            public void Read(ulong offset, Span<byte> data) => device.Read(offset + by, data);

            public void Write(ulong offset, ReadOnlySpan<byte> data) => device.Write(offset + by, data);
        }
    }
}
