using System.Diagnostics;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Benchmarks;
using HvSdk.Benchmarks.Block;
using HvSdk.Benchmarks.Boot;
using HvSdk.Benchmarks.Queues;
using HvSdk.Benchmarks.StandIns;
using HvSdk.Benchmarks.Streams;

try
{
    BenchmarkOptions options = BenchmarkOptions.Parse(args);
    if (options.CompileTo is { } target)
    {
        Peer.Compile(target);
        return 0;
    }

    if (options.IdlePartitions > 0)
    {
        MemoryBenchmark.MakeIdle(options.IdlePartitions);
        return 0;
    }

    return Run(options);
}
catch (Exception e) when (e is ArgumentException or InvalidOperationException or HypervisorException or HypervisorUnavailableException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

static int Run(BenchmarkOptions options)
{
    string peer = options.NativePath ?? Path.Combine(AppContext.BaseDirectory, "native", "peer");
    if (options.NativePath is null)
    {
        Peer.Compile(peer);
    }

    long start = Stopwatch.GetTimestamp();
    using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
    Report.PrintHeader(
        $"{hypervisor.Capabilities.BackendName}: {hypervisor.Capabilities.HostDescription}; .NET {Environment.Version}; {Environment.ProcessorCount} processors" +
        $"{(options.Quick ? "; quick" : "")}");

    var results = new List<Result>();

    // First, and with the pages that the system gives by itself, as whoever starts a guest has them.
    if (options.BootFolder is { } folder)
    {
        var files = new BootFiles(Path.Combine(folder, "guest"), Path.Combine(folder, "programs"), "/usr/bin");
        MeasureAll("boot", () => new BootBenchmark(hypervisor, files, options.Quick).Run());
        MeasureAll("boot-exits", () => new BootExits(hypervisor, files).Run());
        Measure("boot-memory", () => new BootMemory(files).Run());
        MeasureAll("serial", () => new BootSerial(files, options.Quick).Run());
        MeasureAll("streams", () => new StreamsBenchmark(hypervisor, files, options.Quick).Run());
        string tools = Path.Combine(folder, "tools");
        if (File.Exists(tools))
        {
            MeasureAll("block", () => new BlockBenchmark(hypervisor, files, tools, options.Quick).Run());
        }
    }

    Processor.UseSmallPages();
    var exits = new ExitBenchmark(hypervisor, peer, options.Quick);
    Measure("exits", exits.Ports);
    Measure("exits", exits.Mmio);
    Measure("managed", () => new ManagedLoopBenchmark(peer, options.Quick).Run());
    Measure("bytes", () => new AllocationBenchmark(hypervisor, options.Quick).Run());
    Measure("create", () => new CreateBenchmark(hypervisor, peer, options.Quick).Run());
    Measure("doorbell", () => new DoorbellBenchmark(hypervisor, peer, options.Quick).Run());
    MeasureAll("kick", () => MeasureKicks(hypervisor, peer, options.Quick));


    // What was compiled elsewhere says that there is no compiler here.
    bool compiles = options.NativePath is null;
    MeasureAll("whp", () => compiles && StandIn.TryBuildWhp() is { } whp ? new WhpExitBenchmark(whp, options.Quick).Run() : []);
    MeasureAll("hvf", () => compiles && StandIn.TryBuildHvf() is { } hvf ? new HvfExitBenchmark(hvf, options.Quick).Run() : []);
    MeasureAll("arm64", () => new Arm64AccessBenchmark(compiles ? StandIn.TryBuildCannedHvf() : null, options.Quick).Run());
    MeasureAll("queues", () => new QueueBenchmark(options.Quick).Run());
    MeasureAll("queues", () => new DeviceAllocationBenchmark(options.Quick).Run());
    MeasureAll("emulator", () => new EmulatorBenchmark(hypervisor, options.Quick).Run());
    Measure("memory", () => new MemoryBenchmark(peer).Run());
    Console.WriteLine();
    List<Result> goals = results.FindAll(static result => result.Relation != Relation.Shown);
    Console.WriteLine($"{goals.Count(static result => result.Met)} of {goals.Count} goals met, {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s");
    if (options.JsonPath is { } path)
    {
        Report.WriteJson(path, results);
    }

    return 0;

    void Measure(string name, Func<Result> measure)
    {
        if (options.Includes(name))
        {
            Add(measure());
        }
    }

    void MeasureAll(string name, Func<IEnumerable<Result>> measure)
    {
        if (options.Includes(name))
        {
            foreach (Result result in measure())
            {
                Add(result);
            }
        }
    }

    void Add(Result result)
    {
        results.Add(result);
        Report.Print(result);
    }
}

static IEnumerable<Result> MeasureKicks(Hypervisor hypervisor, string peer, bool quick)
{
    using var kicks = new KickBenchmark(hypervisor, peer, quick);
    foreach (Result result in kicks.Run())
    {
        yield return result;
    }
}
