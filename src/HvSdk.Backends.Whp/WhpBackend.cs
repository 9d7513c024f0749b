using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Whp;

/// <summary>The way to the Windows Hypervisor Platform. A preview: no release of it has met all of Windows yet (docs/backends.md).</summary>
public sealed class WhpBackend : HypervisorBackend
{
    private readonly WhpBackendOptions _options;
    private readonly WhvFunctions? _functions;

    /// <summary>A backend with options.</summary>
    /// <param name="options">The options; null: the defaults.</param>
    public WhpBackend(WhpBackendOptions? options = null)
    {
        _options = (options ?? new WhpBackendOptions()).Copy();
        _options.Validate();
    }

    /// <summary>A backend over functions of a test's own.</summary>
    internal WhpBackend(WhvFunctions functions, WhpBackendOptions? options = null)
        : this(options) => _functions = functions;

    /// <summary>The backend with default options.</summary>
    public static WhpBackend Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => WhpError.BackendName;

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
        WhvFunctions functions = TryOpen(out BackendProbe probe) ?? throw new HypervisorUnavailableException(probe);
        return new WhpHost(functions, _options, probe.Reason, loggerFactory.CreateLogger("HvSdk.Backends.Whp"));
    }

    private WhvFunctions? TryOpen(out BackendProbe probe)
    {
        WhvFunctions? functions = _functions;
        if (functions is null)
        {
            if (WhpProbe.CheckSystem(_options, OperatingSystem.IsWindows(), RuntimeInformation.ProcessArchitecture) is { } unfit)
            {
                probe = unfit;
                return null;
            }

            functions = WhvFunctions.TryLoad(_options.LibraryPath ?? WhpProbe.SystemLibrary, out string failure);
            if (functions is null)
            {
                probe = WhpProbe.CannotLoad(_options, failure);
                return null;
            }
        }

        probe = WhpProbe.Try(functions, _options);
        return probe.IsAvailable ? functions : null;
    }
}
