namespace HvSdk.Boot;

/// <summary>The registers with which an image starts on the bootstrap processor.</summary>
public sealed record X64BootState : BootState
{
    /// <summary>The general-purpose registers, RIP and RFLAGS.</summary>
    public required X64Registers Registers { get; init; }

    /// <summary>The segments and control registers; null: those of a processor after reset. The APIC base is not taken from here.</summary>
    public X64SpecialRegisters? SpecialRegisters { get; init; }

    /// <inheritdoc/>
    public override void ApplyTo(Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        ApplyTo(vcpu.X64);
    }

    /// <summary>Sets the registers of a vCPU that is as after its creation.</summary>
    /// <param name="vcpu">The vCPU, on its own thread.</param>
    public void ApplyTo(X64Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        if (SpecialRegisters is { } special)
        {
            vcpu.SetSpecialRegisters(special with { ApicBase = vcpu.GetSpecialRegisters().ApicBase });
        }

        vcpu.SetRegisters(Registers);
    }
}
