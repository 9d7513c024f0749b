using System.Globalization;
using System.Text;
using HvSdk.Benchmarks.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Streams;

/// <summary>Sockets between a Linux guest and this process, and a folder of the host's in the guest, beside a raw pipe between two threads of this process.</summary>
internal sealed class StreamsBenchmark(Hypervisor hypervisor, BootFiles files, bool quick)
{
    private const uint Port = 1024;
    private const int Mebibyte = 1 << 20;
    private const string Line = "HVSDK streams.";
    private const string End = "HVSDK streams=end";

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly int _length = (quick ? 32 : 128) * Mebibyte;
    private readonly int _trips = quick ? 2_000 : 10_000;

    public IEnumerable<Result> Run()
    {
        (double pipeRate, double pipeTrips) = EchoBench.MeasurePipe(_length, _trips);
        yield return Show("pipe-stream", pipeRate, "MiB/s", "a raw pipe each way between two threads of this process, one of which gives back what it gets");
        yield return Show("pipe-round-trips", pipeTrips, "/s", "one byte there and back by the same pipes");

        string folder = Directory.CreateTempSubdirectory("hvsdk-streams").FullName;
        try
        {
            if (OperatingSystem.IsLinux())
            {
                foreach (Result result in RunGuest(folder, pipeRate, pipeTrips).GetAwaiter().GetResult())
                {
                    yield return result;
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private async Task<List<Result>> RunGuest(string folder, double pipeRate, double pipeTrips)
    {
        using var limit = new CancellationTokenSource(s_limit);
        using var tree = new HostDirectory(folder, new HostDirectoryOptions { IsWritable = true });
        var vsock = new VsockDevice();
        await using VsockListener listener = vsock.Listen(Port);
        var console = new SerialPort16550A();
        string commandLine = string.Create(CultureInfo.InvariantCulture, $"console=ttyS0 quiet cryptomgr.notests hvsdk=streams={_length / Mebibyte},idle");
        await using VirtualMachine machine = GuestRecipe.Parse([.. files.Recipe("pvh"), $"append={commandLine}"]).CreateBuilder(hypervisor, console)
            .AddVirtio(vsock, "vsock")
            .AddVirtio(new FileSystemDevice("share", tree.Root), "share")
            .Build();
        await machine.StartAsync();

        double rate;
        double trips;
        using (Stream stream = (await listener.AcceptAsync(limit.Token)).AsStream())
        {
            rate = EchoBench.MeasureStream(stream, stream, _length);
        }

        using (Stream stream = (await listener.AcceptAsync(limit.Token)).AsStream())
        {
            trips = EchoBench.MeasureRoundTrips(stream, stream, _trips);
        }

        List<Result> results =
        [
            Show("vsock-stream", rate, "MiB/s", Of("to the guest and back at once", rate / pipeRate)),
            Show("vsock-round-trips", trips, "/s", Of("one byte there and back, one after another", trips / pipeTrips)),
        ];
        using var reader = new StreamReader(console.Pipe.Input.AsStream(), Encoding.Latin1);
        while (await reader.ReadLineAsync(limit.Token) is { } line && !line.StartsWith(End, StringComparison.Ordinal))
        {
            if (line.StartsWith("HVSDK error", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"The guest says: {line}");
            }

            if (line.StartsWith(Line, StringComparison.Ordinal))
            {
                string[] parts = line[Line.Length..].TrimEnd().Split('=');
                results.Add(ShowFiles(parts[0], double.Parse(parts[1], CultureInfo.InvariantCulture), pipeRate));
            }
        }

        return results;
    }

    private static Result ShowFiles(string name, double rate, double pipeRate) => name switch
    {
        "write" => Show("virtiofs-write", rate, "MiB/s", Of("one file in sequence, with its fsync", rate / pipeRate)),
        "read" => Show("virtiofs-read", rate, "MiB/s", Of("the same file, not in the guest's cache", rate / pipeRate)),
        "make" => Show("virtiofs-make-small", rate, "files/s", "files of 4 KiB made, written and closed"),
        "open" => Show("virtiofs-read-small", rate, "files/s", "the same files opened, read and closed, not in the guest's cache"),
        _ => throw new InvalidOperationException($"The guest speaks of '{name}'."),
    };

    private static string Of(string what, double ratio) => string.Create(CultureInfo.InvariantCulture, $"{what}; {ratio:F3} of the pipe's");

    private static Result Show(string name, double value, string unit, string detail) => new(name, value, unit, Relation.Shown, 0, detail);
}
