using System.Globalization;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

/// <summary>Generated hostile chains and sequences of registers over every device, on both transports and all kinds of queues: no exception, no hang, no growth, and a device that works after a reset.</summary>
/// <remarks>
/// A slice with a fixed seed each time; HVSDK_LONG=1 makes it ten million chains and more accesses of registers than that, and HVSDK_CHAINS any number of chains. A failure names the seed of its case: HVSDK_SEED with it, and HVSDK_CHAINS=1,
/// runs that case first.
/// </remarks>
[Collection(nameof(Alone))]
public sealed class HostileRunTests(ITestOutputHelper output)
{
    private const int ChainsInCase = 2000;
    private const long MemoryLimit = 48 << 20;

    private static readonly TimeSpan s_caseLimit = TimeSpan.FromMinutes(10);

    public static TheoryData<string> Kinds => [.. HostileSubject.Kinds];

    private static long Chains => Environment.GetEnvironmentVariable("HVSDK_CHAINS") is { Length: > 0 } text
        ? long.Parse(text, CultureInfo.InvariantCulture)
        : Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 10_000_000 : 240_000;

    private static int Seed => Environment.GetEnvironmentVariable("HVSDK_SEED") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 1;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Drivers_ThatDoAnything_HarmNoDevice(string kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        long share = long.Max(1, Chains / HostileSubject.Kinds.Count);
        ulong[] rings = [.. Rings.All.Select(static row => row.Data)];
        long chains = 0, registers = 0, lies = 0, faults = 0, states = 0;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        int seed = Seed;
        for (; chains < share; seed++)
        {
            (bool isPci, ulong ring) = (seed % 2 != 0, rings[seed / 2 % rings.Length]);
            HostileCase hostile = RunCase(kind, isPci, ring, seed);
            chains += hostile.Chains;
            registers += hostile.Registers;
            lies += hostile.Lies;
            faults += hostile.Faults;
            states += hostile.States;
        }

        long growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine($"{kind}: seeds {Seed} to {seed - 1}, {chains} chains, {registers} registers, {lies} lies, {faults} devices that asked to be reset, {states} states saved and loaded, {growth} bytes more in use.");
        Assert.True(growth < MemoryLimit, $"{growth} bytes more are in use after {chains} chains.");
        Assert.True(registers >= chains, $"{registers} accesses of registers are fewer than {chains} chains.");
        Assert.True(faults > 0 && lies > 0 && registers > 0 || chains < ChainsInCase * 12, "The drivers were not hostile.");
    }

    /// <summary>Runs a case on a thread of its own, so that one that hangs is found.</summary>
    private static HostileCase RunCase(string kind, bool isPci, ulong ring, int seed)
    {
        string what = $"{kind} on {(isPci ? "PCI" : "MMIO")}, ring 0x{ring:X}, seed {seed}";
        HostileCase? hostile = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var random = new Random(seed);
                using HostileSubject subject = HostileSubject.Create(kind, random);
                hostile = new HostileCase(subject, isPci, ring, random);
                hostile.Run(ChainsInCase);
            }
#pragma warning disable CA1031 // told below, with the seed
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        Assert.True(thread.Join(s_caseLimit), $"{what}: not done after {s_caseLimit}.");
        Assert.True(failure is null, $"{what}: {failure}");
        return hostile!;
    }
}
