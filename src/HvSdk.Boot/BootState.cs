namespace HvSdk.Boot;

/// <summary>The state in which an image starts on the first processor, of whatever architecture it is.</summary>
public abstract record BootState
{
    private protected BootState()
    {
    }

    /// <summary>Sets the registers of a vCPU that is as after its creation.</summary>
    /// <param name="vcpu">The vCPU, on its own thread.</param>
    /// <exception cref="NotSupportedException">The vCPU is of another architecture.</exception>
    public abstract void ApplyTo(Vcpu vcpu);
}
