namespace HvSdk.Boot;

/// <summary>The registers with which an image starts on the first processor: at EL1, all interrupts masked, MMU off.</summary>
public sealed record Arm64BootState : BootState
{
    /// <summary>X0 to X30, the program counter and PSTATE.</summary>
    public required Arm64Registers Registers { get; init; }

    /// <summary>As kernels and firmware are entered (Documentation/arch/arm64/booting.rst, 4): X0 is the device tree's GPA, X1 to X3 are zero, PSTATE.DAIF is masked.</summary>
    internal static Arm64BootState Enter(ulong entryPoint, ulong deviceTree)
    {
        var registers = new Arm64Registers { Pc = entryPoint, Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked };
        registers[0] = deviceTree;
        return new Arm64BootState { Registers = registers };
    }

    /// <inheritdoc/>
    public override void ApplyTo(Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        ApplyTo(vcpu.Arm64);
    }

    /// <summary>Sets the registers of a vCPU that is as after its creation. A host creates it with the MMU off.</summary>
    /// <param name="vcpu">The vCPU, on its own thread.</param>
    public void ApplyTo(Arm64Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        vcpu.SetRegisters(Registers);
    }
}
