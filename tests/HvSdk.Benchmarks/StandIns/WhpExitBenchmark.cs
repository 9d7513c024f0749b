using HvSdk.Backends.Whp;
using HvSdk.Testing;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>
/// An exit and back over the Windows Hypervisor Platform's stand-in. C completes a port access as an expert would, by one call that writes RIP and, for
/// a read, RAX; and it knows the one form of MOV that the guest of the memory exits has, where HvSdk's emulator knows all instructions.
/// </summary>
internal sealed class WhpExitBenchmark(StandIn standIn, bool quick)
{
    private const int Exits = 256;

    internal IEnumerable<Result> Run() =>
    [
        .. Measure("whp-exit-port", Guests.Ports(Exits), Relation.AtMost),
        .. Measure("whp-exit-mmio", Guests.Mmio(Exits), Relation.Shown),
    ];

    private IEnumerable<Result> Measure(string name, GuestProgram guest, Relation relation)
    {
        using Hypervisor hypervisor = Hypervisor.Open(new WhpBackend(new WhpBackendOptions { LibraryPath = standIn.Library }));
        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, Guests.SmallRam);
        Buses.Fill(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        guest.LoadInto(partition.Memory);
        guest.Start(vcpu);
        return [.. StandInExits.Measure(name, relation, standIn, guest.Code, vcpu, Exits, VcpuExitKind.Halt, quick ? 40 : 800)];
    }
}
