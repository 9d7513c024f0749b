using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Whether the platform can be used, and if not, why and what to do.</summary>
internal static unsafe class WhpProbe
{
    internal const string SystemLibrary = "WinHvPlatform.dll";

    private const string OldestWindows = "Windows 10 or Windows Server, version 1803";

    private const string NameALibrary = "Name a library that holds the platform's functions.";

    private const string StartHypervisor =
        "Switch virtualization on in the firmware (Intel VT-x or AMD-V, with second-level address translation). " + WhpError.EnableFeature +
        " Where the feature is on already: bcdedit /set hypervisorlaunchtype auto, and restart. " +
        "In a virtual machine, allow nested virtualization on its host (Hyper-V: Set-VMProcessor -ExposeVirtualizationExtensions $true).";

    /// <summary>Looks at what the process runs on; null where it fits.</summary>
    internal static BackendProbe? CheckSystem(WhpBackendOptions options, bool isWindows, Architecture architecture)
    {
        if (options.LibraryPath is null && !isWindows)
        {
            return BackendProbe.Unavailable(
                WhpError.BackendName,
                $"The Windows Hypervisor Platform belongs to Windows; this is {RuntimeInformation.OSDescription}.",
                "Use the backend of this system.");
        }

        return architecture == Architecture.X64
            ? null
            : BackendProbe.Unavailable(
                WhpError.BackendName,
                $"This backend runs x86-64 guests in x86-64 processes; this process is {architecture}.",
                architecture == Architecture.X86 ? "Build the application for x64." : "Use a machine with an x86-64 processor.");
    }

    internal static BackendProbe CannotLoad(WhpBackendOptions options, string failure) => options.LibraryPath is { } path
        ? BackendProbe.Unavailable(WhpError.BackendName, $"{path} cannot be loaded: {LoadersWords(failure, path)}.", NameALibrary)
        : BackendProbe.Unavailable(
            WhpError.BackendName,
            $"{SystemLibrary} is not there ({LoadersWords(failure, SystemLibrary)}): the Windows Hypervisor Platform is off.",
            WhpError.EnableFeature + $" It needs {OldestWindows} or later, in an edition that has it.");

    internal static BackendProbe Try(WhvFunctions functions, WhpBackendOptions options)
    {
        if (functions.MissingRequired.Count > 0)
        {
            return BackendProbe.Unavailable(
                WhpError.BackendName,
                $"{options.LibraryPath ?? SystemLibrary} lacks {string.Join(", ", functions.MissingRequired)}.",
                options.LibraryPath is null ? $"Update to {OldestWindows} or later." : NameALibrary);
        }

        uint isPresent = 0;
        int result = WhpCapabilities.TryGet(functions, WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent, out isPresent);
        if (result < 0)
        {
            return Refused(WhpError.FromResult(nameof(WhvFunctions.WHvGetCapability), result));
        }

        if (isPresent == 0)
        {
            return BackendProbe.Unavailable(
                WhpError.BackendName, $"{options.LibraryPath ?? SystemLibrary} is there, and no hypervisor is running under Windows.", StartHypervisor);
        }

        return TryCreatePartition(functions, options);
    }

    /// <summary>For people; the first word names the platform to the tests' table of divergences.</summary>
    internal static string Describe(WhpBackendOptions options) =>
        options.LibraryPath is { } path ? $"whp, {Path.GetFileName(path)} on {RuntimeInformation.OSDescription}" : $"whp, {RuntimeInformation.OSDescription}";

    /// <summary>A platform that refuses shows only here.</summary>
    private static BackendProbe TryCreatePartition(WhvFunctions functions, WhpBackendOptions options)
    {
        try
        {
            using WhvPartition partition = WhvPartition.Create(functions);
            partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount, 1U);
            partition.Setup();
        }
        catch (HypervisorException e)
        {
            return Refused(e);
        }

        return BackendProbe.Available(WhpError.BackendName, Describe(options));
    }

    private static BackendProbe Refused(HypervisorException exception) => BackendProbe.Unavailable(
        WhpError.BackendName,
        $"{exception.Operation} failed: {exception.Reason}",
        exception.Remedy.Length > 0 ? exception.Remedy : StartHypervisor);

    /// <summary>What the system's loader said. On Linux .NET puts a line of advice before it, and the loader the name of the file.</summary>
    private static string LoadersWords(string failure, string library)
    {
        string[] lines = failure.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string words = lines.Length == 0 ? "no reason is given" : lines.Length > 1 && lines[0].EndsWith(':') ? lines[1] : lines[0];
        string name = library + ": ";
        return (words.StartsWith(name, StringComparison.Ordinal) ? words[name.Length..] : words).TrimEnd('.', ' ');
    }
}
