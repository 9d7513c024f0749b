using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>The host keeps all chips.</summary>
internal sealed class HostChips(bool timer) : MachineChips
{
    private const string Owner = "the host's chips";

    public override InterruptControllerMode Mode => InterruptControllerMode.Full;

    public override void Configure(PartitionOptions options) => options.X64.TimerChip = timer;

    public override void Plan(MachinePlan plan, Func<string, IPlatformDevice, DeviceSlot> addDevice)
    {
        plan.AddWindow(Owner, BusSpace.Ports, 0x20, 2, null);
        plan.AddWindow(Owner, BusSpace.Ports, 0xA0, 2, null);
        plan.AddWindow(Owner, BusSpace.Ports, 0x4D0, 2, null);
        plan.AddWindow(Owner, BusSpace.Mmio, IoApicAddress, IoApicSize, null);
        if (timer)
        {
            plan.AddWindow(Owner, BusSpace.Ports, 0x40, 4, null);
            plan.AddWindow(Owner, BusSpace.Ports, 0x61, 1, null);
            plan.ConnectLine(Owner, 0, InterruptSense.Edge);
        }
    }

    public override void Connect(Partition partition, MachinePlan plan)
    {
        foreach ((int number, InterruptWire wire) in plan.Wires)
        {
            wire.Connect(partition.Interrupts.GetLine(number));
        }
    }
}
