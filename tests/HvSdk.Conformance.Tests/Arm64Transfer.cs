using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>A machine of AArch64 that was taken apart: its memory, its GIC and its vCPU 0. A host may allow one machine at a time, so the first is gone before the next one is made.</summary>
internal sealed record Arm64Transfer(byte[] Ram, PartitionState Partition, Arm64VcpuState Vcpu)
{
    /// <summary>Saves a machine whose vCPU is at rest on this thread, and ends it.</summary>
    public static Arm64Transfer SaveAndEnd(TestMachine machine)
    {
        Arm64VcpuState vcpu = machine.Vcpu.Arm64.SaveState();
        PartitionState partition = machine.Partition.SaveState();
        byte[] ram = new byte[machine.Ram.Size];
        machine.Ram.Read(0, ram);
        machine.Dispose();
        return new Arm64Transfer(ram, partition, vcpu);
    }

    /// <summary>Puts all of it into a machine of the same options.</summary>
    public void LoadInto(TestMachine machine)
    {
        machine.Ram.Write(0, Ram);
        machine.Partition.LoadState(Partition);
        machine.Vcpu.Arm64.LoadState(Vcpu);
    }
}
