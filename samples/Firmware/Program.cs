// Firmware that nobody here wrote: Debian's SeaBIOS, the BIOS of QEMU, from the first instruction after reset. The machine is the
// least it can live on: RAM, its ROM, the interrupt and timer chips that the hypervisor keeps, CMOS memory with the RAM's size,
// and the debug port that it logs to. All other ports are open bus: reads give all ones, writes vanish, and the firmware copes.
//
//     dotnet run --project samples/Firmware [path of a BIOS image]
using System.Diagnostics;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Samples.Firmware;

const ulong MemorySize = 64 << 20;
const ulong FourGiB = 1UL << 32;
const ulong ShadowStart = 0xC_0000; // where option ROMs go, and from 0xE0000 on the BIOS itself
const ulong ShadowEnd = 0x10_0000;
const int ShadowSize = (int)(ShadowEnd - ShadowStart);

TimeSpan idleLimit = TimeSpan.FromSeconds(15);
TimeSpan totalLimit = TimeSpan.FromSeconds(120);

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

byte[] image = File.ReadAllBytes(path);
using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
using Partition partition = hypervisor.CreatePartition(new PartitionOptions
{
    Name = "SeaBIOS",
    InterruptController = InterruptControllerMode.Full,
    X64 = { TimerChip = true },
});

// The ROM ends at 4 GiB, where the processor starts. It is also seen below 1 MiB: as a copy in RAM, for SeaBIOS keeps variables in it.
partition.Memory.Map(0, 0xA_0000, new MemoryRegionOptions { Name = "low RAM" });
partition.Memory.Map(ShadowStart, ShadowEnd - ShadowStart, new MemoryRegionOptions { Name = "shadow RAM" });
partition.Memory.Map(ShadowEnd, MemorySize - ShadowEnd, new MemoryRegionOptions { Name = "RAM" });
partition.Memory.Map(FourGiB - (ulong)image.Length, (ulong)image.Length, new MemoryRegionOptions { Name = "ROM", Access = MemoryAccess.ReadOnly });
partition.Memory.Write(FourGiB - (ulong)image.Length, image);
ReadOnlySpan<byte> legacy = image.AsSpan(Math.Max(0, image.Length - ShadowSize));
partition.Memory.Write(ShadowEnd - (ulong)legacy.Length, legacy);

// The firmware finds nothing to boot and waits for ever. So the run ends when it says so, or has said nothing for a while.
using var idle = new CancellationTokenSource(idleLimit);
using var total = new CancellationTokenSource(totalLimit);
using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, total.Token);
var log = new List<string>();
long start = Stopwatch.GetTimestamp();
partition.Ports.Map(Cmos.Port, Cmos.WindowSize, new Cmos(MemorySize));
partition.Ports.Map(DebugPort.Port, 1, new DebugPort(line =>
{
    idle.CancelAfter(line.StartsWith("No bootable device", StringComparison.Ordinal) ? TimeSpan.Zero : idleLimit);
    log.Add(line);
    Console.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalSeconds,7:F3}  {line}");
}));

using Vcpu vcpu = partition.CreateVcpu(0); // its registers are those of a processor after reset: it starts at 0xFFFFFFF0
string end;
try
{
    end = vcpu.Run(either.Token).ToString();
}
catch (OperationCanceledException)
{
    end = total.IsCancellationRequested ? $"Stopped at its limit of {totalLimit.TotalSeconds} s" : "The firmware has nothing more to do";
}

VcpuStatistics statistics = vcpu.Statistics;
Console.WriteLine(
    $"{end}. {log.Count} lines, {statistics.Exits} exits; {statistics.UnhandledReads} reads and {statistics.UnhandledWrites} writes went to open bus.");
bool isAlive = log.Any(line => line.StartsWith("SeaBIOS (version", StringComparison.Ordinal)) && log.Count > 1;
return isAlive ? 0 : 1;
