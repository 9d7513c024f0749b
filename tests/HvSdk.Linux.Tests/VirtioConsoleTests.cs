using System.Security.Cryptography;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's virtio_console driver and the console: a shell on hvc0, named ports, sizes.</summary>
public sealed class VirtioConsoleTests
{
    private const string PortName = "org.hvsdk.test";
    private const int Length = 1 << 20;
    private const int MaxLooks = 200;

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Terminal_OfOnePort_ShowsAShell(VirtioTransport transport)
    {
        ConsoleDevice device = null!;
        await using LinuxGuest guest = await BootAsync(transport, "console", () => device = new ConsoleDevice());
        var terminal = new GuestConsole(device.Pipe);
        for (int turn = 1; turn <= 2; turn++)
        {
            await guest.Console.ReadToAsync("HVSDK console=ready");
            // With one port Linux looks at the size only when the device says that it has changed.
            await UseShellAsync(terminal, device.Resize, turn, firstSize: null);
            await guest.Console.ReadToAsync("HVSDK console=left");
        }

        await EndAsync(guest, device);
    }

    /// <summary>What the kernel has said before the driver came is not repeated: Linux's driver throws it away, since it knows its port only after the kernel has registered the console.</summary>
    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Terminal_ThatIsTheKernelsConsole_ShowsWhatTheKernelSays(VirtioTransport transport)
    {
        ConsoleDevice device = null!;
        await using LinuxGuest guest = await BootAsync(transport, "console", () => device = new ConsoleDevice(), "console=hvc0 loglevel=7");
        var terminal = new GuestConsole(device.Pipe);
        await terminal.ReadToAsync("BusyBox v");
        await terminal.WriteAsync("echo '<5>said by the kernel' >/dev/kmsg\n");
        await terminal.ReadToAsync("] said by the kernel"); // behind its time, which the echo of the command has not
        await guest.Machine.StopAsync();
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Ports_OfOneDevice_CarryBytesBothWays(VirtioTransport transport)
    {
        ConsoleDevice device = null!;
        await using LinuxGuest guest = await BootAsync(transport, $"console={PortName}", () => device = new ConsoleDevice(new ConsoleDeviceOptions
        {
            Ports = [new() { IsConsole = true }, new() { Name = PortName }],
        }));
        var terminal = new GuestConsole(device.Pipe);
        var port = new GuestConsole(device.Ports[1].Pipe);
        for (int turn = 1; turn <= 2; turn++)
        {
            byte[] sent = RandomNumberGenerator.GetBytes(Length);
            await port.WriteAsync(sent);
            byte[] received = await port.ReadBytesAsync(Length);

            string said = await guest.Console.ReadToAsync("HVSDK console=ready");
            Assert.Contains($"console_received={Hash(sent)}", said, StringComparison.Ordinal);
            Assert.Contains($"console_sent={Hash(received)}", said, StringComparison.Ordinal);
            await GuestWait.UntilAsync(() => !device.Ports[1].IsGuestOpen, "the guest to close the port");
            await UseShellAsync(terminal, device.Resize, turn, turn == 1 ? "24 80" : "51 132");
            await guest.Console.ReadToAsync("HVSDK console=left");
        }

        Assert.Equal((2 * Length, 2 * Length), (device.Ports[1].BytesFromGuest, device.Ports[1].BytesToGuest));
        Assert.Equal(0, device.IgnoredMessages);
        await EndAsync(guest, device);
    }

    private static Task<LinuxGuest> BootAsync(VirtioTransport transport, string action, Func<ConsoleDevice> create, string arguments = "console=hvc0") => LinuxGuest.BootAsync(new GuestDescription
    {
        Transport = transport,
        Actions = action,
        Arguments = arguments,
        VirtioDevices = () => [create()],
    });

    /// <summary>Works at the shell on hvc0, at a terminal that has one size and then another.</summary>
    private static async Task UseShellAsync(GuestConsole terminal, Action<int, int> resize, int turn, string? firstSize)
    {
        // A shell whose terminal changes its size shows its prompt once more; the next shell begins with its name.
        await terminal.ReadToAsync("BusyBox v");
        var shell = new GuestShell(terminal);
        await shell.StartAsync();
        Assert.Equal("/dev/hvc0", await shell.RunAsync("tty"));
        Assert.Equal(string.Join('\n', Enumerable.Range(1, 1000)), await shell.RunAsync("seq 1000"));
        if (firstSize is not null)
        {
            Assert.Equal(firstSize, await shell.RunAsync("stty size"));
        }

        resize(131 + turn, 50 + turn);

        // The driver hears of it in its own time. A command must fit into a line of the terminal: the shell's editor breaks longer ones.
        string expected = $"{50 + turn} {131 + turn}";
        string size = "";
        for (int i = 0; i < MaxLooks && size != expected; i++)
        {
            size = await shell.RunAsync("stty size 2>/dev/null");
        }

        Assert.Equal(expected, size);
        await shell.ExitAsync();
    }

    private static async Task EndAsync(LinuxGuest guest, ConsoleDevice device)
    {
        await guest.ReadReportAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
        Assert.Equal(0, device.Ports[0].DiscardedBytes);
        Assert.Null(device.Fault);
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
