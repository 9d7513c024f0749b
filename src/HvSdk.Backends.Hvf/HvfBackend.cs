using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Hvf;

/// <summary>The way to Hypervisor.framework of macOS on Apple silicon. A preview: it has not met a Mac yet (docs/backends.md).</summary>
public sealed class HvfBackend : HypervisorBackend
{
    private readonly HvfBackendOptions _options;
    private readonly HvFunctions? _functions;

    /// <summary>A backend with options.</summary>
    /// <param name="options">The options; null: the defaults.</param>
    public HvfBackend(HvfBackendOptions? options = null)
    {
        _options = (options ?? new HvfBackendOptions()).Copy();
        _options.Validate();
    }

    /// <summary>A backend over functions of a test's own.</summary>
    internal HvfBackend(HvFunctions functions, HvfBackendOptions? options = null)
        : this(options) => _functions = functions;

    /// <summary>The backend with default options.</summary>
    public static HvfBackend Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => HvfError.BackendName;

    /// <inheritdoc/>
    public override BackendProbe Probe()
    {
        TryOpen(out BackendProbe probe);
        return probe;
    }

    /// <inheritdoc/>
    public override HypervisorHost Open(ILoggerFactory loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(loggerFactory);
        HvFunctions functions = TryOpen(out BackendProbe probe) ?? throw new HypervisorUnavailableException(probe);
        return new HvfHost(functions, probe.Reason, loggerFactory.CreateLogger("HvSdk.Backends.Hvf"));
    }

    private HvFunctions? TryOpen(out BackendProbe probe)
    {
        HvFunctions? functions = _functions;
        if (functions is null)
        {
            if (HvfProbe.CheckSystem(_options, OperatingSystem.IsMacOS(), RuntimeInformation.ProcessArchitecture) is { } unfit)
            {
                probe = unfit;
                return null;
            }

            functions = HvFunctions.TryLoad(_options.LibraryPath ?? HvfProbe.Framework, out string failure);
            if (functions is null)
            {
                probe = HvfProbe.CannotLoad(_options, failure);
                return null;
            }
        }

        probe = HvfProbe.Try(functions, _options);
        return probe.IsAvailable ? functions : null;
    }
}
