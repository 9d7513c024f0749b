using System.Diagnostics;
using System.Globalization;
using System.Text;
using HvSdk.Backends.Kvm;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.VirtualMachines;

namespace HvSdk.Samples.Sandbox;

/// <summary>Runs a command in a machine of its own, which is made for it and gone after it.</summary>
/// <example>
/// <code>
/// SandboxResult result = await Sandbox.RunAsync(new SandboxOptions
/// {
///     Command = ["/bin/sh", "-c", "sort /input/names >/output/sorted; echo done"],
///     Root = "rootfs", Kernel = "vmlinuz", InitialRamDisk = "initrd",
///     Input = "in", Output = "out",
///     TimeLimit = TimeSpan.FromSeconds(10),
/// });
/// Console.WriteLine($"{result.ExitCode}: {result.StandardOutput}");
/// </code>
/// </example>
public static class Sandbox
{
    private const string CommandLine = "console=ttyS0 quiet panic=-1";

    /// <summary>Runs a command to its end, or to that of its time.</summary>
    public static async Task<SandboxResult> RunAsync(SandboxOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        long start = Stopwatch.GetTimestamp();
        using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
        using var folders = new SandboxFolders(options);
        var log = new SerialPort16550A();
        var streams = new ConsoleDevice(new ConsoleDeviceOptions
        {
            Ports = [new() { IsConsole = true }, new() { Name = "stdout", WaitsForReader = true }, new() { Name = "stderr", WaitsForReader = true }],
        });
        await using VirtualMachine machine = Describe(hypervisor, options, folders, log, streams).Build();

        Task<string> logText = CapturedText.ReadAsync(log.Pipe.Input, options.MaxText);
        Task<string> output = CapturedText.ReadAsync(streams.Ports[1].Pipe.Input, options.MaxText);
        Task<string> errors = CapturedText.ReadAsync(streams.Ports[2].Pipe.Input, options.MaxText);
        await machine.StartAsync(cancellationToken: cancellationToken);
        (MachineEnd end, bool isTimedOut) = await WaitAsync(machine, options.TimeLimit, cancellationToken);

        // The streams end with the machine. What the guest says of the exit code is checked: it is the guest's word.
        int? exitCode = !isTimedOut && int.TryParse(folders.ExitCode, NumberStyles.None, CultureInfo.InvariantCulture, out int code) ? code : null;
        return new SandboxResult(exitCode, await output, await errors, isTimedOut, Stopwatch.GetElapsedTime(start), end, await logText);
    }

    private static VirtualMachineBuilder Describe(Hypervisor hypervisor, SandboxOptions options, SandboxFolders folders, SerialPort16550A log, ConsoleDevice streams)
    {
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
            .WithName("sandbox")
            .WithMemory(options.Memory)
            .WithProcessors(options.Processors)
            .Boot(() => LinuxImage.ReadBzImage(BootFile.Open(options.Kernel), new LinuxBootOptions
            {
                CommandLine = CommandLine,
                InitialRamDisk = SandboxInit.AddTo(options.InitialRamDisk),
            }))
            .AddDevice(log, "log")
            .AddVirtio(streams, "streams")
            .AddVirtio(new EntropyDevice());
        foreach (FileSystemDevice device in folders.Devices)
        {
            builder.AddVirtio(device, device.Tag);
        }

        return builder;
    }

    private static async Task<(MachineEnd End, bool IsTimedOut)> WaitAsync(VirtualMachine machine, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(limit);
        try
        {
            return (await machine.WaitForExitAsync(time.Token), false);
        }
        catch (OperationCanceledException)
        {
            MachineEnd end = await machine.StopAsync(TimeSpan.Zero, CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return (end, true);
        }
    }
}
