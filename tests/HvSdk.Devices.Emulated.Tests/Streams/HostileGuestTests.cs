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
        [nameof(SerialPortPl011)] = static () => new SerialPortPl011(),
        ["SerialPortPl011 with small FIFOs, after reset"] = static () => new SerialPortPl011 { FifoSize = 16, StartsEnabled = false },
        [nameof(RealTimeClockPl031)] = static () => new RealTimeClockPl031(),
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
        ulong address = window.Address + Place(window, random);
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
                Read(bench, window.Space, address, random.Next(1, 9));
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
            case 8 when device is SerialPortPl011 serial:
                serial.SendBreak();
                serial.ClearToSend = !serial.ClearToSend;
                break;
            case 9 when device is SerialPortPl011:
                Write(bench, window.Space, window.Address + 0x30, (ulong)random.NextInt64() | 1, 4); // UARTCR: on most of the time
                break;
            default:
                Write(bench, window.Space, address, (ulong)random.NextInt64(), random.Next(3) == 0 ? random.Next(1, 9) : 1);
                break;
        }
    }

    /// <summary>Most registers of a large window lie at its start; its last bytes are identification.</summary>
    private static ulong Place(DeviceWindow window, Random random) => (ulong)(window.Size > 0x100 && random.Next(8) != 0 ? random.Next(0x50) : random.Next((int)window.Size));

    private static void Read(DeviceBench bench, BusSpace space, ulong address, int size) =>
        _ = space == BusSpace.Ports ? bench.ReadPort((ushort)address, size) : bench.ReadMmio(address, size);

    private static void Write(DeviceBench bench, BusSpace space, ulong address, ulong value, int size)
    {
        if (space == BusSpace.Ports)
        {
            bench.WritePort((ushort)address, value, size);
        }
        else
        {
            bench.WriteMmio(address, value, size);
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
            case SerialPortPl011 serial:
                serial.LoadState(serial.SaveState());
                break;
            case RealTimeClockPl031 clock:
                clock.LoadState(clock.SaveState());
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
