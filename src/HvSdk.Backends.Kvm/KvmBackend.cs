using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>The way to KVM, the hypervisor of Linux.</summary>
public sealed class KvmBackend : HypervisorBackend
{
    private readonly KvmBackendOptions _options;
    private readonly IIoctl? _ioctl;

    /// <summary>A backend with options.</summary>
    /// <param name="options">The options; null: the defaults.</param>
    public KvmBackend(KvmBackendOptions? options = null)
    {
        _options = (options ?? new KvmBackendOptions()).Copy();
        _options.Validate();
    }

    /// <summary>A backend over a kernel of a test's own.</summary>
    internal KvmBackend(IIoctl ioctl, KvmBackendOptions? options = null)
        : this(options) => _ioctl = ioctl;

    /// <summary>The backend with default options.</summary>
    public static KvmBackend Instance { get; } = new();

    /// <summary>The architecture whose KVM this process can meet, or null where the backend has none for it.</summary>
    internal static GuestArchitecture? NativeArchitecture { get; } = !OperatingSystem.IsLinux() ? null : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => GuestArchitecture.X64,
        Architecture.Arm64 => GuestArchitecture.Arm64,
        _ => null,
    };

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
            return KvmHost.Create(device, _options, loggerFactory.CreateLogger("HvSdk.Backends.Kvm"));
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
        if (_ioctl is null && NativeArchitecture is null)
        {
            probe = BackendProbe.Unavailable(
                Name, $"KVM belongs to Linux, and this backend to x86-64 and arm64; this is {RuntimeInformation.RuntimeIdentifier}.", "Use the backend of this system.");
            return null;
        }

        SafeFd? device = SafeFd.TryOpen(_options.DevicePath, _ioctl, out int error);
        probe = device is null ? KvmProbe.CannotOpen(_options.DevicePath, _ioctl?.Architecture ?? NativeArchitecture, error) : KvmProbe.Try(device, _options);
        if (probe.IsAvailable)
        {
            return device;
        }

        device?.Dispose();
        return null;
    }
}
