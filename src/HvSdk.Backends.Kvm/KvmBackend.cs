using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>The way to KVM, the hypervisor of Linux.</summary>
public sealed class KvmBackend : HypervisorBackend
{
    private readonly KvmBackendOptions _options;

    /// <summary>A backend with options.</summary>
    /// <param name="options">The options; null: the defaults.</param>
    public KvmBackend(KvmBackendOptions? options = null)
    {
        _options = (options ?? new KvmBackendOptions()).Copy();
        _options.Validate();
    }

    /// <summary>The backend with default options.</summary>
    public static KvmBackend Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => KvmError.BackendName;

    /// <inheritdoc/>
    public override BackendProbe Probe()
    {
        using SafeFd? device = TryOpen(out BackendProbe probe);
        return probe;
    }

    /// <inheritdoc/>
    public override HypervisorHost Open(ILoggerFactory loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(loggerFactory);
        SafeFd device = TryOpen(out BackendProbe probe) ?? throw new HypervisorUnavailableException(probe);
        try
        {
            return new KvmHost(device, _options, loggerFactory.CreateLogger("HvSdk.Backends.Kvm"));
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Opens the device and tries what every partition needs.</summary>
    private SafeFd? TryOpen(out BackendProbe probe)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            probe = BackendProbe.Unavailable(
                Name, $"KVM belongs to Linux, and this backend to x86-64; this is {RuntimeInformation.RuntimeIdentifier}.", "Use the backend of this system.");
            return null;
        }

        SafeFd? device = SafeFd.TryOpen(_options.DevicePath, out int error);
        probe = device is null ? KvmProbe.CannotOpen(_options.DevicePath, error) : KvmProbe.Try(device, _options);
        if (probe.IsAvailable)
        {
            return device;
        }

        device?.Dispose();
        return null;
    }
}
