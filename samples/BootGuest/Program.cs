// Boots a guest that nobody here wrote, on the terminal that you sit at: a Linux kernel, a multiboot kernel, an image of your own, a firmware.
//
//     dotnet run --project samples/BootGuest -- --kernel vmlinuz --initrd initrd.img --append "console=ttyS0"
//
// On Apple silicon guests are arm64, and their console is ttyAMA0; --hvf LIBRARY runs them elsewhere over another library with the framework's functions.
// GuestOptions.cs has the options, HostTerminal.cs the terminal. Making the machine is all in Boot below.
using System.IO.Pipelines;
using HvSdk;
using HvSdk.Backends;
using HvSdk.Backends.Hvf;
using HvSdk.Backends.Kvm;
using HvSdk.Devices.Emulated;
using HvSdk.Samples.BootGuest;
using HvSdk.VirtualMachines;

return await GuestOptions.RunAsync(args, BootAsync);

static async Task<int> BootAsync(GuestOptions options, CancellationToken cancellationToken)
{
    if (Hypervisor.Probe(BackendOf(options)) is { IsAvailable: false } probe)
    {
        Console.Error.WriteLine(probe);
        return GuestExitCode.CannotRun;
    }

    GuestDevices devices;
    try
    {
        devices = GuestDevices.Open(options);
    }
    catch (Exception e) when (GuestDevices.IsRefusal(e))
    {
        Console.Error.WriteLine(e.Message);
        return GuestExitCode.CannotRun;
    }

    using (devices)
    {
        return await BootWithDevicesAsync(options, devices, cancellationToken);
    }
}

static async Task<int> BootWithDevicesAsync(GuestOptions options, GuestDevices devices, CancellationToken cancellationToken)
{
    using Hypervisor hypervisor = Hypervisor.Open(BackendOf(options));
    GuestArchitecture architecture = hypervisor.Capabilities.Architecture;
    VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
        .WithName("guest")
        .WithMemory(options.Memory)
        .WithProcessors(options.Processors)
        .ConfigureBoard(board => (board.Chips, board.VirtioTransport) = (options.Chips, options.Transport))
        .Boot(() => options.OpenImage(architecture))
        .CountAccesses(options.ShowsStatistics);
    IDuplexPipe console = AddConsole(builder, architecture);
    if (options.HasDebugExit)
    {
        builder.AddDevice(new DebugExit(), "debug exit");
    }

    devices.AddTo(builder);
    VirtualMachine machine;
    try
    {
        machine = builder.Build();
    }
    catch (MachineConfigurationException e)
    {
        Console.Error.WriteLine(e.Message);
        return GuestExitCode.CannotRun;
    }

    await using (machine)
    {
        using HostTerminal terminal = HostTerminal.Open();
        await machine.StartAsync(cancellationToken: cancellationToken);
        Task output = console.Input.CopyToAsync(Console.OpenStandardOutput(), CancellationToken.None);
        Task<bool> input = terminal.TypeAsync(console.Output, cancellationToken);
        Task<MachineEnd> exit = machine.WaitForExitAsync(CancellationToken.None);
        if (await Task.WhenAny(exit, LeaveAsync(input)) != exit)
        {
            await machine.StopAsync(TimeSpan.Zero, CancellationToken.None);
        }

        MachineEnd end = await exit;
        await output; // what the guest said last
        terminal.Dispose();
        Console.Error.WriteLine($"{(Console.IsErrorRedirected ? "" : "\r")}{end}");
        if (options.ShowsStatistics)
        {
            StatisticsTable.Print(machine.GetStatistics(), Console.Error);
        }

        return GuestExitCode.Of(end);
    }
}

static HypervisorBackend BackendOf(GuestOptions options) =>
    options.HvfLibrary is { } library ? new HvfBackend(new HvfBackendOptions { LibraryPath = library })
    : OperatingSystem.IsMacOS() ? HvfBackend.Instance
    : KvmBackend.Instance;

// The serial port of the platform, and what else its machines have.
static IDuplexPipe AddConsole(VirtualMachineBuilder builder, GuestArchitecture architecture)
{
    if (architecture == GuestArchitecture.Arm64)
    {
        var uart = new SerialPortPl011();
        builder.AddDevice(uart, "console");
        return uart.Pipe;
    }

    var console = new SerialPort16550A();
    builder.AddDevice(console, "console").AddDevice(new KeyboardController8042(), "keyboard controller").AddDevice(new PanicNotifier(), "panic notifier");
    return console.Pipe;
}

// The end of the input is no reason to leave; Ctrl-A X is.
static async Task LeaveAsync(Task<bool> input)
{
    if (!await input)
    {
        await Task.Delay(Timeout.Infinite);
    }
}
