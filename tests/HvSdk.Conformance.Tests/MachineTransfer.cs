using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Moves a machine's memory, chips and vCPU to another of the same options.</summary>
internal static class MachineTransfer
{
    public static void CopyRam(TestMachine from, TestMachine to)
    {
        byte[] bytes = new byte[from.Ram.Size];
        from.Ram.Read(0, bytes);
        to.Ram.Write(0, bytes);
    }

    /// <summary>Moves everything; the vCPU is at rest on this thread.</summary>
    public static void MoveAll(TestMachine from, TestMachine to)
    {
        X64VcpuState vcpu = from.Vcpu.X64.SaveState();
        PartitionState partition = from.Partition.SaveState();
        CopyRam(from, to);
        from.Dispose();

        to.Partition.LoadState(partition);
        to.Vcpu.X64.LoadState(vcpu);
    }
}
