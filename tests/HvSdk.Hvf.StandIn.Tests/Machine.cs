using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>A partition with some RAM and a guest in it that calls the host.</summary>
internal sealed class Machine : IDisposable
{
    private const ulong Ram = 0x4000_0000;
    private const ulong RamSize = 0x10_0000;

    internal Machine(StandIn standIn, int maxVcpus = 1)
    {
        Hypervisor = Hypervisor.Open(standIn.Backend());
        TestContext.Current.TestOutputHelper?.WriteLine($"Ran on {Hypervisor.Capabilities.BackendName}: {Hypervisor.Capabilities.HostDescription}");
        try
        {
            Partition = Hypervisor.CreatePartition(new PartitionOptions { ExitOnHypercall = true, MaxVcpus = maxVcpus });
            Partition.Memory.Map(Ram, RamSize);
            var guest = new Arm64Assembler(Ram);
            guest.Hvc();
            Partition.Memory.Write(Ram, guest.ToArray());
        }
        catch
        {
            Partition?.Dispose();
            Hypervisor.Dispose();
            throw;
        }
    }

    internal Hypervisor Hypervisor { get; }

    internal Partition Partition { get; }

    /// <summary>A vCPU of this thread; the first begins at the guest's first instruction.</summary>
    internal Vcpu CreateVcpu(int index = 0)
    {
        Vcpu vcpu = Partition.CreateVcpu(index);
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Ram]);
        return vcpu;
    }

    public void Dispose()
    {
        Partition.Dispose();
        Hypervisor.Dispose();
    }
}
