using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

public sealed class PortTests
{
    [Fact]
    public void PortWrite_OneByte_LeavesWithPortAndValue()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, 0x10000);
        using Vcpu vcpu = partition.CreateVcpu(0);

        // Writes 0x5A to port 0x80.
        GuestProgram program = GuestProgram.RealMode(a =>
        {
            a.mov(al, 0x5A);
            a.@out(0x80, al);
        });
        program.LoadInto(partition.Memory);
        program.Start(vcpu);

        VcpuExit exit = vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
        Assert.Equal(0x80, exit.Port);
        Assert.Equal([0x5A], exit.Data.ToArray());
    }
}
