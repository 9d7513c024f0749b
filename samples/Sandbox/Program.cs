// Runs one command of a Debian root file system in a fresh machine, and shows what it wrote and what it returned.
//
//     sudo samples/Sandbox/make-root.sh rootfs                       once: debootstrap makes a root file system of 200 MB
//     tests/guests/build.sh                                          once: a kernel and an initial RAM disk
//     dotnet run --project samples/Sandbox -- --root rootfs --input in --output out -- sh -c "sort /input/names >/output/sorted"
//
// All of it is one call: Sandbox.RunAsync. Sandbox.cs makes the machine, SandboxFolders.cs what it mounts, init is what runs first inside.
using System.CommandLine;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Samples.Sandbox;

var root = new Option<string>("--root") { Description = "The root file system, a folder.", Required = true };
var input = new Option<string?>("--input") { Description = "A folder that the command reads as /input." };
var output = new Option<string?>("--output") { Description = "A folder that it writes as /output." };
var seconds = new Option<double>("--time") { Description = "Seconds that it may take.", DefaultValueFactory = static _ => 60 };
var memory = new Option<ulong>("--memory") { Description = "MiB of memory.", DefaultValueFactory = static _ => 256 };
var kernel = new Option<string>("--kernel") { Description = "A Linux kernel.", DefaultValueFactory = static _ => "artifacts/guests/cloud/vmlinuz" };
var initrd = new Option<string>("--initrd") { Description = "Its initial RAM disk.", DefaultValueFactory = static _ => "artifacts/guests/cloud/initrd" };
var words = new Argument<string[]>("command") { Description = "The command, after --." };
var command = new RootCommand("Runs a command in a machine of its own.") { root, input, output, seconds, memory, kernel, initrd, words };
command.SetAction(async (arguments, cancellationToken) =>
{
    if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
    {
        Console.Error.WriteLine(probe);
        return 125;
    }

    SandboxResult result = await Sandbox.RunAsync(
        new SandboxOptions
        {
            Command = arguments.GetValue(words) is { Length: > 0 } given ? given : ["/bin/true"],
            Root = arguments.GetValue(root)!,
            Kernel = arguments.GetValue(kernel)!,
            InitialRamDisk = arguments.GetValue(initrd)!,
            Input = arguments.GetValue(input),
            Output = arguments.GetValue(output),
            TimeLimit = TimeSpan.FromSeconds(arguments.GetValue(seconds)),
            Memory = arguments.GetValue(memory) << 20,
        },
        cancellationToken);
    Console.Out.Write(result.StandardOutput);
    Console.Error.Write(result.StandardError);
    Console.Error.WriteLine($"{(result.IsTimedOut ? "The time was over" : $"The command returned {result.ExitCode?.ToString() ?? "nothing"}")} after {result.Duration.TotalSeconds:F1} s. {result.End}");
    if (result.ExitCode is null)
    {
        Console.Error.Write(result.BootLog);
    }

    return result.ExitCode ?? (result.IsTimedOut ? 124 : 125);
});
return await command.Parse(args).InvokeAsync();
