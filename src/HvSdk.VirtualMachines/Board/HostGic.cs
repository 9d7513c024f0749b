using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>The host keeps the GIC: distributor, redistributors, and each processor's interface and timer.</summary>
internal sealed class HostGic(Arm64GicLayout layout, int lines, int processors) : GicChips(layout)
{
    private const string Owner = "the host's GIC";

    public override int Lines => lines;

    public override InterruptControllerMode Mode => InterruptControllerMode.Full;

    public override void Configure(PartitionOptions options) => options.Arm64.Gic = Layout;

    public override void Plan(MachinePlan plan, Func<string, IPlatformDevice, DeviceSlot> addDevice)
    {
        plan.AddWindow(Owner, BusSpace.Mmio, Layout.DistributorAddress, Arm64GicLayout.DistributorSize, null);
        plan.AddWindow(Owner, BusSpace.Mmio, Layout.RedistributorAddress, Arm64GicLayout.RedistributorSize * (ulong)int.Max(1, processors), null);
    }

    public override void Connect(Partition partition, MachinePlan plan)
    {
        foreach ((int number, InterruptWire wire) in plan.Wires)
        {
            wire.Connect(partition.Interrupts.GetLine(number));
        }
    }
}
