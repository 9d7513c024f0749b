using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests;

public sealed class KvmHostTests
{
    [Fact]
    public void Partition_HypervisorIsClosed_GoesOn()
    {
        Hypervisor hypervisor = LiveHypervisor.Open();
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        hypervisor.Dispose();

        // Each of these asks the host for what it can do.
        using Vcpu vcpu = partition.CreateVcpu(0);
        using Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Port(0x20));
        PartitionState state = partition.SaveState();
        partition.LoadState(state);

        Assert.NotNull(vcpu.X64.SaveState());
    }
}
