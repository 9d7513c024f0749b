using System.Diagnostics;
using System.Globalization;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Benchmarks;

/// <summary>
/// What managed code costs per exit, from the return of KVM_RUN to the next one: decoding the exit block, run loop, bus of fifty ranges, device.
/// Measured on a vCPU that leaves at once; nothing is subtracted but the count of exits. Beside it stands what the call into the kernel costs
/// more than in C, by a call that fails at once.
/// </summary>
internal sealed class ManagedLoopBenchmark(string peerPath, bool quick)
{
    private const int Exits = 100_000;
    private const int Calls = 100_000;

    internal Result Run()
    {
        var canned = new CannedVcpu();
        using Hypervisor hypervisor = Hypervisor.Open(new CannedBackend(canned));
        using Partition partition = hypervisor.CreatePartition();
        Buses.Fill(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        int batches = quick ? 100 : 500;

        canned.SetPortExit(Guests.DevicePort);
        double[] ports = Sampling.Repeat(50, batches, () => RunExits(vcpu, canned));
        canned.SetMmioExit(Guests.DeviceAddress);
        double[] mmio = Sampling.Repeat(50, batches, () => RunExits(vcpu, canned));
        using var peer = new Peer(peerPath);
        Comparison call = Sampling.Alternate(20, batches, () => peer.Ask($"fail {Calls}")[0] / (double)Calls, Call);

        return new Result("managed-ns-per-exit", double.Max(Sampling.Median(ports), Sampling.Median(mmio)), "ns", Relation.AtMost, 40, string.Create(
            CultureInfo.InvariantCulture,
            $"port {Sampling.Median(ports):F1} ns, MMIO {Sampling.Median(mmio):F1} ns; not in it: an ioctl that fails at once takes {call.ManagedMedian:F0} ns here, {call.NativeMedian:F0} in C"));
    }

    private static double RunExits(Vcpu vcpu, CannedVcpu canned)
    {
        canned.SetCount(Exits);
        long start = Stopwatch.GetTimestamp();
        VcpuExit exit = vcpu.Run();
        long end = Stopwatch.GetTimestamp();
        return exit.Kind == VcpuExitKind.Halt ? (end - start) * (1e9 / Stopwatch.Frequency) / Exits : throw new InvalidOperationException(exit.ToString());
    }

    private static double Call()
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Calls; i++)
        {
            _ = LibC.ioctl(-1, KVM.KVM_RUN, 0);
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Calls;
    }
}
