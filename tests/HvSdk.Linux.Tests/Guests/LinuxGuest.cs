using System.Diagnostics;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>A Linux guest in a machine of its own, with a serial console that the test reads and types at. All waits are bounded by the <see cref="Limit"/>.</summary>
/// <example>
/// <code>
/// await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Actions = "report", Processors = 2 });
/// GuestReport report = await guest.ReadReportAsync();
/// Assert.Equal(2, report.Number("cpus"));
/// </code>
/// </example>
internal sealed class LinuxGuest : IAsyncDisposable
{
    private const string FirstLine = "HVSDK-USERSPACE";

    private readonly Hypervisor _hypervisor;
    private readonly GuestDescription _description;
    private readonly SerialPort16550A _serial;

    private LinuxGuest(Hypervisor hypervisor, GuestDescription description)
    {
        _hypervisor = hypervisor;
        _description = description;
        _serial = new SerialPort16550A();
        Machine = CreateBuilder(hypervisor, description, _serial).Build();
        Console = new GuestConsole(_serial.Pipe);
    }

    /// <summary>The machine.</summary>
    public VirtualMachine Machine { get; }

    /// <summary>The console.</summary>
    public GuestConsole Console { get; }

    /// <summary>The console's serial port.</summary>
    public SerialPort16550A Serial => _serial;

    /// <summary>Describes such a machine, for tests that shall fail to build it.</summary>
    public static VirtualMachineBuilder CreateBuilder(Hypervisor hypervisor, GuestDescription description, SerialPort16550A serial)
    {
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
            .WithName($"{description.Kernel} guest")
            .WithMemory(description.Memory)
            .WithProcessors(description.Processors)
            .ConfigureBoard(board =>
            {
                board.Chips = description.Chips;
                board.IntervalTimer = description.IntervalTimer;
                board.ResetControl = description.HasResetControl;
                board.VirtioTransport = description.Transport;
            })
            .Boot(description.Open)
            .AddDevice(serial, "console")
            .AddDevice(new DebugExit(), "debug exit");
        if (description.HasKeyboardController)
        {
            builder.AddDevice(new KeyboardController8042(), "keyboard controller");
        }

        foreach (IPlatformDevice device in description.Devices())
        {
            builder.AddDevice(device);
        }

        foreach (VirtioDevice device in description.VirtioDevices())
        {
            builder.AddVirtio(device);
        }

        foreach (IPciDevice device in description.PciDevices())
        {
            builder.AddPciDevice(device);
        }

        return description.HasPanicNotifier ? builder.AddDevice(new PanicNotifier(), "panic notifier") : builder;
    }

    /// <summary>Starts a guest and waits for its first line of userspace.</summary>
    /// <remarks>
    /// A boot that stalls is tried once more, with a warning: a second-level Linux in an emulated machine that has too little of its host's processors has been
    /// seen to sit idle, under other virtual machine monitors too (tests/nested/README.md). Nothing else is tried twice.
    /// </remarks>
    public static async Task<LinuxGuest> BootAsync(GuestDescription description)
    {
        LinuxGuest guest = await StartAsync(description);
        try
        {
            if (await guest.ReachesUserspaceAsync())
            {
                return guest;
            }

            string warning = $"This boot stalled, and is tried once more: {guest.DescribeStall()}";
            TestContext.Current.AddWarning(warning);
            TestContext.Current.TestOutputHelper?.WriteLine(warning);
            await guest.DisposeAsync();
            guest = await StartAsync(description);
            await guest.Console.ReadToAsync(FirstLine);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a guest, and waits for nothing that it says.</summary>
    public static async Task<LinuxGuest> StartAsync(GuestDescription description)
    {
        Hypervisor hypervisor = LiveHypervisor.Open();
        try
        {
            var guest = new LinuxGuest(hypervisor, description);
            await guest.Machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken).WaitAsync(Limit.Value);
            return guest;
        }
        catch
        {
            hypervisor.Dispose();
            throw;
        }
    }

    /// <summary>Boots a guest, has it do all that it shall, and gives what it said and how its machine ended.</summary>
    public static async Task<(GuestReport Report, MachineEnd End)> RunAsync(GuestDescription description)
    {
        await using LinuxGuest guest = await BootAsync(description);
        return (await guest.ReadReportAsync(), await guest.WaitForEndAsync());
    }

    /// <summary>Waits until the machine has ended.</summary>
    public async Task<MachineEnd> WaitForEndAsync()
    {
        try
        {
            return await Machine.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Limit.Value);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {Limit.Value.TotalSeconds:F0} s for the end of: {_description}. {DescribeStall()}");
        }
    }

    /// <summary>Waits until the machine has ended, and gives what the guest said of itself; fails where that was an error, or a byte of it was lost.</summary>
    public async Task<GuestReport> ReadReportAsync()
    {
        await WaitForEndAsync();
        await Console.ReadToEndAsync();
        Assert.Equal(0, _serial.DiscardedBytes);
        var report = new GuestReport(Console.Transcript);
        report.AssertNoError();
        return report;
    }

    public async ValueTask DisposeAsync()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{_description}: {Machine.End?.ToString() ?? Machine.State.ToString()}, ran {Machine.GetStatistics().RunDuration.TotalSeconds:F1} s, {Machine.GetStatistics().Exits} exits.");
        await Machine.DisposeAsync();
        _hypervisor.Dispose();
    }

    /// <summary>False: it stalled, all processors being idle. A boot that is busy has the whole limit.</summary>
    private async Task<bool> ReachesUserspaceAsync()
    {
        TimeSpan look = TimeSpan.FromSeconds(15);
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Limit.Value)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            if (await Console.SaysWithinAsync(FirstLine, look))
            {
                return true;
            }

            // The guest's time counts as this process's.
            const int idle = 20;
            if (Environment.CpuUsage.TotalTime - before < look / idle)
            {
                return false;
            }
        }

        throw new TimeoutException($"Waited {Limit.Value.TotalSeconds:F0} s for userspace, and the processors were busy. {_description}. {DescribeStall()}");
    }

    private string DescribeStall()
    {
        MachineStatistics statistics = Machine.GetStatistics();
        return $"{_description}: {Machine}, {statistics.RunDuration.TotalSeconds:F1} s, {statistics.Exits} exits; this machine's own clock is {HostClock()}. The guest has said:{Environment.NewLine}{Console.Transcript}";
    }

    /// <summary>A nested machine that has lost its trust in its TSC goes by another clock, and then its guests' timers are suspect.</summary>
    private static string HostClock()
    {
        const string path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "unknown";
    }
}
