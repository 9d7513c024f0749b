using HvSdk.Backends.Hvf;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>A load or store of a device and back over Hypervisor.framework's stand-in. C takes what the syndrome tells, and moves PC by two calls, since the framework has no shorter way.</summary>
internal sealed class HvfExitBenchmark(StandIn standIn, bool quick)
{
    private const int Exits = 128;

    internal IEnumerable<Result> Run()
    {
        // Neither side sleeps while its guest runs: how fast the system wakes a thread is no part of the question, and would be most of the answer.
        standIn.Switch("HOST_SPIN", 20_000);
        byte[] code = Arm64Guest.Accesses(Exits);
        using Hypervisor hypervisor = Hypervisor.Open(new HvfBackend(new HvfBackendOptions { LibraryPath = standIn.Library }));
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { ExitOnHypercall = true });
        partition.Memory.Map(Arm64Guest.Ram, Arm64Guest.RamSize);
        partition.Memory.Write(Arm64Guest.Ram, code);
        Buses.FillMmio(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Arm64Guest.Ram]);
        return [.. StandInExits.Measure("hvf-exit-mmio", Relation.AtMost, standIn, code, vcpu, Exits, VcpuExitKind.Hypercall, quick ? 200 : 4000)];
    }
}
