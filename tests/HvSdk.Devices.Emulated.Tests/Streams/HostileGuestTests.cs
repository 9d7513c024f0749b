using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Streams;

/// <summary>A guest that pokes at every register with every size and value, in any order: nothing throws, hangs or grows.</summary>
[Collection(nameof(Alone))]
public sealed class HostileGuestTests
{
    private const int Accesses = 100_000;

    /// <summary>Far above what any of these devices keeps, far below what 100,000 accesses that each leave something behind would keep.</summary>
    private const long MemoryLimit = 2 << 20;

    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (string device in s_devices.Keys)
            {
                cases.Add(device, 1);
                cases.Add(device, 2026);
            }

            return cases;
        }
    }

    private static readonly Dictionary<string, Func<IPlatformDevice>> s_devices = new()
    {
        [nameof(SerialPort16550A)] = static () => new SerialPort16550A(),
        ["SerialPort16550A that waits"] = static () => new SerialPort16550A { WaitsForReader = true },
        [nameof(KeyboardController8042)] = static () => new KeyboardController8042(),
        [nameof(CmosClock)] = static () => new CmosClock(),
        [nameof(DebugExit)] = static () => new DebugExit(),
        [nameof(DebugConsole)] = static () => new DebugConsole(),
        [nameof(PanicNotifier)] = static () => new PanicNotifier(),
        [nameof(ResetControl)] = static () => new ResetControl(),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void RandomAccesses_OfEverySizeAndOffset_BreakNothing(string name, int seed)
    {
        var bench = new DeviceBench();
        IPlatformDevice device = s_devices[name]();
        using var disposal = device as IDisposable;
        bench.Attach(new Muted(device));
        var random = new Random(seed);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        for (int i = 0; i < Accesses; i++)
        {
            Step(bench, device, random);
        }

        long growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(growth < MemoryLimit, $"{name} kept {growth} bytes more after {Accesses} accesses (seed {seed}).");
    }

    private static void Step(DeviceBench bench, IPlatformDevice device, Random random)
    {
        Span<byte> data = stackalloc byte[random.Next(0, 9)];
        random.NextBytes(data);
        IReadOnlyList<DeviceWindow> windows = bench.Description.Windows;
        DeviceWindow window = windows[random.Next(windows.Count)];
        ushort port = (ushort)(window.Address + (ulong)random.Next((int)window.Size));
        switch (random.Next(12))
        {
            case 0 when device is IBusDevice bus: // beyond its window, as one that is mapped too large would be
                bus.Write((ulong)random.NextInt64(), data);
                break;
            case 1 when device is IBusDevice bus:
                bus.Read((ulong)random.NextInt64(), data);
                break;
            case 2:
                bench.Time.Advance(TimeSpan.FromMicroseconds(random.Next(10_000)));
                break;
            case 3 or 4 or 5:
                bench.ReadPort(port, random.Next(1, 9));
                break;
            case 6 when random.Next(100) == 0:
                RoundTrip(device);
                break;
            case 7 when device is KeyboardController8042 keyboard:
                keyboard.SendScanCodes(data);
                break;
            case 8 when device is SerialPort16550A serial:
                serial.SendBreak();
                serial.RingIndicator = !serial.RingIndicator;
                break;
            default:
                bench.WritePort(port, (ulong)random.NextInt64(), random.Next(3) == 0 ? random.Next(1, 9) : 1);
                break;
        }
    }

    /// <summary>Whatever the guest has made of a device, its state is one that it takes back.</summary>
    private static void RoundTrip(IPlatformDevice device)
    {
        switch (device)
        {
            case SerialPort16550A serial:
                serial.LoadState(serial.SaveState());
                break;
            case KeyboardController8042 keyboard:
                keyboard.LoadState(keyboard.SaveState());
                break;
            case CmosClock clock:
                clock.LoadState(clock.SaveState());
                break;
            case ResetControl reset:
                reset.LoadState(reset.SaveState());
                break;
            default:
                break;
        }
    }

    /// <summary>Takes the machine away once the device has its place: the bench remembers each request, and that is not the device's memory.</summary>
    private sealed class Muted(IPlatformDevice device) : IPlatformDevice
    {
        public void Attach(IDeviceSlot slot)
        {
            device.Attach(slot);
            switch (device)
            {
                case KeyboardController8042 keyboard:
                    keyboard.Machine = null;
                    break;
                case DebugExit exit:
                    exit.Machine = null;
                    break;
                case PanicNotifier notifier:
                    notifier.Machine = null;
                    break;
                case ResetControl reset:
                    reset.Machine = null;
                    break;
                default:
                    break;
            }
        }
    }
}
