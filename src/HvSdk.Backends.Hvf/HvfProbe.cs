using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>Whether the framework can be used, and if not, why and what to do.</summary>
internal static class HvfProbe
{
    internal const string Framework = "/System/Library/Frameworks/Hypervisor.framework/Hypervisor";

    private const string NameALibrary = "Name a library that holds the framework's functions.";

    /// <summary>Looks at what the process runs on; null where it fits.</summary>
    internal static BackendProbe? CheckSystem(HvfBackendOptions options, bool isMac, Architecture architecture)
    {
        if (options.LibraryPath is not null)
        {
            return null;
        }

        if (!isMac)
        {
            return BackendProbe.Unavailable(
                HvfError.BackendName, $"Hypervisor.framework belongs to macOS; this is {RuntimeInformation.OSDescription}.", "Use the backend of this system.");
        }

        return architecture == Architecture.Arm64
            ? null
            : BackendProbe.Unavailable(
                HvfError.BackendName,
                $"This backend runs AArch64 guests in AArch64 processes; this process is {architecture}.",
                "Use a Mac with Apple silicon, and .NET for arm64: under Rosetta there is no hypervisor.");
    }

    internal static BackendProbe CannotLoad(HvfBackendOptions options, string failure) => BackendProbe.Unavailable(
        HvfError.BackendName,
        $"{options.LibraryPath ?? Framework} cannot be loaded: {failure.TrimEnd('.', '\n', ' ')}.",
        options.LibraryPath is null ? "Update to macOS 11 or later." : NameALibrary);

    internal static BackendProbe Try(HvFunctions functions, HvfBackendOptions options)
    {
        if (functions.MissingRequired.Count > 0)
        {
            return BackendProbe.Unavailable(
                HvfError.BackendName,
                $"{options.LibraryPath ?? Framework} lacks {string.Join(", ", functions.MissingRequired)}.",
                options.LibraryPath is null ? "Update to macOS 11 or later, on Apple silicon." : NameALibrary);
        }

        if (functions.TryReadSystemNumber("kern.hv_support", out long supported) && supported == 0)
        {
            return BackendProbe.Unavailable(
                HvfError.BackendName,
                "This machine cannot run virtual machines: kern.hv_support is 0.",
                "Where this macOS itself runs in a virtual machine, use one on Apple M3 or later with nested virtualization on; hosted build machines do not offer it.");
        }

        return TryCreateVm(functions, options);
    }

    /// <summary>For people; the first word names the platform to the tests' table of divergences.</summary>
    private static string Describe(HvfBackendOptions options) =>
        options.LibraryPath is { } path ? $"hvf, {Path.GetFileName(path)} on {RuntimeInformation.OSDescription}" : $"hvf, {RuntimeInformation.OSDescription}";

    /// <summary>A missing entitlement shows only here.</summary>
    private static BackendProbe TryCreateVm(HvFunctions functions, HvfBackendOptions options)
    {
        try
        {
            using HvVm vm = HvVm.Create(functions, addressBits: null);
        }
        catch (HypervisorException e) when (e.NativeErrorCode == (int)HvReturn.HV_BUSY)
        {
            // This process has a VM: then it can have one.
        }
        catch (HypervisorException e)
        {
            return BackendProbe.Unavailable(HvfError.BackendName, $"{e.Operation} failed: {e.Reason}", e.Remedy);
        }

        return BackendProbe.Available(HvfError.BackendName, Describe(options));
    }
}
