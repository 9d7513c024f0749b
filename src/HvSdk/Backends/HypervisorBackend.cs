using Microsoft.Extensions.Logging;

namespace HvSdk.Backends;

/// <summary>A way to a hypervisor: what a HvSdk.Backends package gives.</summary>
public abstract class HypervisorBackend
{
    /// <summary>Its name, for people: "KVM".</summary>
    public abstract string Name { get; }

    /// <summary>Tries whether the hypervisor can be used by this process, now. Never throws, and leaves nothing open.</summary>
    public abstract BackendProbe Probe();

    /// <summary>Opens the hypervisor.</summary>
    /// <param name="loggerFactory">Where the backend logs.</param>
    /// <exception cref="HypervisorUnavailableException">It cannot be used; the text says why and what to do.</exception>
    public abstract HypervisorHost Open(ILoggerFactory loggerFactory);
}
