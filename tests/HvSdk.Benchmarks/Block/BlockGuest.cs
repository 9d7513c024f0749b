using System.Diagnostics;
using System.Globalization;
using System.Text;
using HvSdk.Benchmarks.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Block;

/// <summary>The guest that has fio: it boots, measures, and says what came out.</summary>
/// <param name="Files">Kernel and initrd.</param>
/// <param name="Tools">The disk with fio.</param>
/// <param name="Disk">The disk that fio works on: written anew by each run.</param>
/// <param name="Seconds">How long each of its jobs is.</param>
internal sealed record BlockGuest(BootFiles Files, string Tools, string Disk, int Seconds)
{
    private const string End = "HVSDK fio=end";
    private const string Job = "HVSDK fio.";

    // Boot, fio's start and its six jobs; a nested machine is slow at the first two.
    private TimeSpan Limit => TimeSpan.FromSeconds(120 + (6 * (Seconds + 2)));

    private string CommandLine => string.Create(CultureInfo.InvariantCulture, $"console=ttyS0 quiet cryptomgr.notests hvsdk=fio={Seconds},idle");

    /// <summary>Under QEMU, whose block device has a thread of its own.</summary>
    /// <returns>The jobs' numbers; null where it did not come to an end.</returns>
    public IReadOnlyDictionary<string, JobRate>? RunQemu(VirtioTransport transport)
    {
        (string machine, string device) = transport == VirtioTransport.Mmio ? ("microvm", "virtio-blk-device") : ("q35", "virtio-blk-pci");
        BootContender contender = Files.Qemus.Single(contender => contender.Name == "qemu-microvm");
        List<string> arguments = [.. contender.Arguments];
        arguments[arguments.IndexOf("-M") + 1] = machine;
        var start = new ProcessStartInfo(contender.Program,
        [
            .. arguments, .. contender.WithCommandLine(CommandLine),
            "-global", "virtio-mmio.force-legacy=false", "-object", "iothread,id=worker",
            "-drive", $"file={Disk},if=none,id=disk,format=raw,cache=writeback,aio=threads", "-device", $"{device},drive=disk,iothread=worker",
            "-drive", $"file={Tools},if=none,id=tools,format=raw,readonly=on", "-device", $"{device},drive=tools",
        ])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{contender.Program} did not start.");
        try
        {
            return ReadJobs(process.StandardOutput.BaseStream);
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    /// <summary>In this process.</summary>
    /// <returns>The jobs' numbers, and what they cost; null where it did not come to an end.</returns>
    public BlockRun? RunOurs(Hypervisor hypervisor, VirtioTransport transport)
    {
        using var disk = new FileStorage(Disk);
        using var tools = new FileStorage(Tools, isReadOnly: true);
        var device = new BlockDevice(disk);
        var console = new SerialPort16550A();
        VirtualMachine machine = GuestRecipe.Parse([.. Files.Recipe("pvh"), $"append={CommandLine}"]).CreateBuilder(hypervisor, console)
            .ConfigureBoard(board => board.VirtioTransport = transport)
            .AddVirtio(device, "disk")
            .AddVirtio(new BlockDevice(tools), "tools")
            .Build();
        try
        {
            machine.StartAsync().GetAwaiter().GetResult();
            long exits = 0;
            long requests = 0;
            IReadOnlyDictionary<string, JobRate>? jobs = ReadJobs(console.Pipe.Input.AsStream(), () => (exits, requests) = (machine.GetStatistics().Exits, Requests(device)));
            return jobs is null ? null : new BlockRun(jobs, machine.GetStatistics().Exits - exits, Requests(device) - requests, device.Interrupts);
        }
        finally
        {
            machine.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static long Requests(BlockDevice device) => device.Statistics.Reads + device.Statistics.Writes + device.Statistics.Flushes;

    private Dictionary<string, JobRate>? ReadJobs(Stream console, Action? onBegin = null)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var reader = new StreamReader(console, Encoding.Latin1);
        Dictionary<string, JobRate> jobs = [];
        try
        {
            while (reader.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line)
            {
                if (line.StartsWith("HVSDK fio=begin", StringComparison.Ordinal))
                {
                    onBegin?.Invoke();
                }
                else if (line.StartsWith(End, StringComparison.Ordinal))
                {
                    return jobs;
                }
                else if (line.StartsWith(Job, StringComparison.Ordinal))
                {
                    string[] parts = line[Job.Length..].TrimEnd().Split('=', ' ');
                    jobs[parts[0]] = new JobRate(double.Parse(parts[1], CultureInfo.InvariantCulture), double.Parse(parts[2], CultureInfo.InvariantCulture) / 1024);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It stalled, as nested guests do now and then.
        }

        return null;
    }
}

/// <summary>What a job has reached in a second.</summary>
/// <param name="Operations">Requests.</param>
/// <param name="Mebibytes">MiB.</param>
internal readonly record struct JobRate(double Operations, double Mebibytes);

/// <summary>A run in this process.</summary>
/// <param name="Jobs">Each job's rate.</param>
/// <param name="Exits">Exits that reached this process while fio ran.</param>
/// <param name="Requests">Requests that the disk got meanwhile.</param>
/// <param name="Interrupts">Interrupts of the disk.</param>
internal sealed record BlockRun(IReadOnlyDictionary<string, JobRate> Jobs, long Exits, long Requests, long Interrupts);
