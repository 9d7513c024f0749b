namespace HvSdk.VirtualMachines;

/// <summary>Sees the exits of a processor that runs on: what belongs to the chips goes there, accesses go to the partition's buses.</summary>
internal readonly struct ProcessorHandler(Vcpu vcpu, MachineChips chips, AccessCounts? accesses) : IVcpuHandler
{
    public ExitDisposition Handle(in VcpuExit exit)
    {
        accesses?.Count(exit);
        return chips.Handle(vcpu, exit);
    }
}
