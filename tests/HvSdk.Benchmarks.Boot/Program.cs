// Boots one guest with its console on standard output, until it ends. With times=on it says on standard error how long what took; with machines=N
// it boots so many, one after the other, lets them all run, and says after each what memory the process has beside theirs.
using System.Diagnostics;
using System.Globalization;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Benchmarks.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

long main = Stopwatch.GetTimestamp();
GuestRecipe recipe = GuestRecipe.Parse(args);
using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
long opened = Stopwatch.GetTimestamp();
if (recipe.Find("machines") is { } count)
{
    await Several.RunAsync(hypervisor, recipe, int.Parse(count, CultureInfo.InvariantCulture));
    return 0;
}

var console = new SerialPort16550A();
await using VirtualMachine machine = recipe.CreateBuilder(hypervisor, console).Build();
long built = Stopwatch.GetTimestamp();
await machine.StartAsync();
long started = Stopwatch.GetTimestamp();
await using Stream output = Console.OpenStandardOutput();
if (recipe.Has("times"))
{
    double beforeMain = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds - Stopwatch.GetElapsedTime(main).TotalMilliseconds;
    Console.Error.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"before Main {beforeMain:F0}, open {Milliseconds(main, opened):F1}, build {Milliseconds(opened, built):F1}, start {Milliseconds(built, started):F1} ms"));
}

await console.Pipe.Input.CopyToAsync(output);
MachineEnd end = await machine.WaitForExitAsync();
return end.Kind == MachineEndKind.PoweredOff ? 0 : 1;

static double Milliseconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
