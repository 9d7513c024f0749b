// Firmware that nobody here wrote: Debian's SeaBIOS, the BIOS of QEMU, from the first instruction after reset. It finds its machine by the
// firmware configuration device (RAM, processors, ACPI and SMBIOS tables), logs to the debug console, and has nothing to boot.
//
//     dotnet run --project samples/Firmware [path of a BIOS image]
using System.Diagnostics;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

string path = args.Length > 0 ? args[0] : "/usr/share/seabios/bios-256k.bin";
if (!File.Exists(path))
{
    Console.Error.WriteLine($"There is no {path}. Install SeaBIOS (Debian and Ubuntu: apt-get install seabios), or give the path of a BIOS image as argument.");
    return 1;
}

if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
{
    Console.Error.WriteLine(probe);
    return 1;
}

using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
var log = new DebugConsole();
await using VirtualMachine machine = VirtualMachine.CreateBuilder(hypervisor)
    .WithName("SeaBIOS")
    .WithMemory(64 << 20)
    .Boot(() => FirmwareImage.Read(BootFile.Open(path)))
    .AddDevice(log, "log")
    .AddDevice(new KeyboardController8042(), "keyboard controller")
    .Build();

long start = Stopwatch.GetTimestamp();
await machine.StartAsync();

// With nothing to boot it waits for ever: so the run ends when it says so, or has not for a long while.
using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
using var reader = new StreamReader(log.Output.AsStream());
bool isDone = false;
while (!isDone && await reader.ReadLineAsync(limit.Token) is { } line)
{
    Console.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalSeconds,7:F3}  {line}");
    isDone = line.StartsWith("No bootable device", StringComparison.Ordinal);
}

MachineEnd end = await machine.StopAsync(TimeSpan.Zero);
Console.WriteLine($"{end} {machine.GetStatistics().Exits} exits.");
return isDone ? 0 : 1;
