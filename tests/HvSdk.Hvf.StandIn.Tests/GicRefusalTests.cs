namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>What other hosts' interrupt controllers do and the platform's GIC does not: refused in words.</summary>
public sealed class GicRefusalTests(StandIn standIn)
{
    [Fact]
    public void Trigger_LevelTriggered_IsRefusedInWords()
    {
        using Hypervisor hypervisor = Hypervisor.Open(standIn.Backend());
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });

        NotSupportedException e = Assert.Throws<NotSupportedException>(() => partition.Interrupts.CreateTrigger(partition.Interrupts.GetLine(3), levelTriggered: true));

        Assert.Contains("does not tell when a guest has ended an interrupt", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Routes_ToElsewhere_AreRefusedInWords()
    {
        using Hypervisor hypervisor = Hypervisor.Open(standIn.Backend());
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        partition.Interrupts.SetRoutes([InterruptRoute.ToInput(3, new InterruptInput(0, 3))]);

        NotSupportedException e = Assert.Throws<NotSupportedException>(() => partition.Interrupts.SetRoutes([InterruptRoute.ToInput(3, new InterruptInput(0, 4))]));

        Assert.Contains("Line 3 of the platform's GIC is shared peripheral interrupt 3", e.Message, StringComparison.Ordinal);
    }
}
