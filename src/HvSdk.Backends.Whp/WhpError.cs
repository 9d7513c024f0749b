using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>From HRESULT to <see cref="HypervisorException"/>: the one place.</summary>
internal static class WhpError
{
    internal const string BackendName = "WHP";

    /// <summary>How the feature of Windows is switched on; as the probe says it too.</summary>
    internal const string EnableFeature =
        "Enable the Windows feature \"Windows Hypervisor Platform\" (as administrator: dism /Online /Enable-Feature /FeatureName:HypervisorPlatform /All, " +
        "or in PowerShell: Enable-WindowsOptionalFeature -Online -FeatureName HypervisorPlatform -All), and restart Windows.";

    private const string CreateAnother = "Dispose of the partition and create another.";

    /// <summary>Throws where a call has failed.</summary>
    internal static void Check(int result, string operation)
    {
        if (result < 0)
        {
            throw FromResult(operation, result);
        }
    }

    internal static HypervisorException FromResult(string operation, int result) => Create(operation, result, $"{Describe(result)}.");

    internal static HypervisorException Create(string operation, int result, string reason) =>
        new(BackendName, operation, result, reason, Remedy(operation, result));

    /// <summary>The code's name and number: "WHV_E_UNKNOWN_PROPERTY (0x80370302): ...".</summary>
    internal static string Describe(int result) => Find(result) is (var name, var meaning) && name.Length > 0
        ? $"{name} (0x{result:X8}): {meaning}"
        : $"HRESULT 0x{result:X8}";

    private static (string Name, string Meaning) Find(int result) => result switch
    {
        HRESULTS.E_NOTIMPL => (nameof(HRESULTS.E_NOTIMPL), "this Windows does not implement it"),
        HRESULTS.E_POINTER => (nameof(HRESULTS.E_POINTER), "the platform was given a null pointer"),
        HRESULTS.E_FAIL => (nameof(HRESULTS.E_FAIL), "the platform gives no reason"),
        HRESULTS.E_UNEXPECTED => (nameof(HRESULTS.E_UNEXPECTED), "the platform did not expect the call"),
        HRESULTS.E_ACCESSDENIED => (nameof(HRESULTS.E_ACCESSDENIED), "access denied"),
        HRESULTS.E_HANDLE => (nameof(HRESULTS.E_HANDLE), "the partition's handle is not valid"),
        HRESULTS.E_OUTOFMEMORY => (nameof(HRESULTS.E_OUTOFMEMORY), "out of memory"),
        HRESULTS.E_INVALIDARG => (nameof(HRESULTS.E_INVALIDARG), "an argument is not valid, or asks for what this Windows does not offer"),
        HRESULTS.NO_SYSTEM_RESOURCES => ("ERROR_NO_SYSTEM_RESOURCES", "Windows has no resources left for it"),
        HRESULTS.WHV_E_UNKNOWN_CAPABILITY => (nameof(HRESULTS.WHV_E_UNKNOWN_CAPABILITY), "this Windows does not know the capability"),
        HRESULTS.WHV_E_INSUFFICIENT_BUFFER => (nameof(HRESULTS.WHV_E_INSUFFICIENT_BUFFER), "the buffer is too small"),
        HRESULTS.WHV_E_UNKNOWN_PROPERTY => (nameof(HRESULTS.WHV_E_UNKNOWN_PROPERTY), "this Windows does not know the property"),
        HRESULTS.WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG =>
            (nameof(HRESULTS.WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG), "the hypervisor runs in a way that the platform does not support"),
        HRESULTS.WHV_E_INVALID_PARTITION_CONFIG => (nameof(HRESULTS.WHV_E_INVALID_PARTITION_CONFIG), "the partition's properties do not go together"),
        HRESULTS.WHV_E_GPA_RANGE_NOT_FOUND => (nameof(HRESULTS.WHV_E_GPA_RANGE_NOT_FOUND), "no memory is mapped there"),
        HRESULTS.WHV_E_VP_ALREADY_EXISTS => (nameof(HRESULTS.WHV_E_VP_ALREADY_EXISTS), "the virtual processor exists"),
        HRESULTS.WHV_E_VP_DOES_NOT_EXIST => (nameof(HRESULTS.WHV_E_VP_DOES_NOT_EXIST), "there is no such virtual processor"),
        HRESULTS.WHV_E_INVALID_VP_STATE => (nameof(HRESULTS.WHV_E_INVALID_VP_STATE), "the virtual processor's state does not allow it"),
        HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME => (nameof(HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME), "there is no such register here"),
        HRESULTS.WHV_E_UNSUPPORTED_PROCESSOR_CONFIG =>
            (nameof(HRESULTS.WHV_E_UNSUPPORTED_PROCESSOR_CONFIG), "the machine's processor cannot do what the properties ask"),
        HRESULTS.ERROR_HV_INVALID_PARAMETER => (nameof(HRESULTS.ERROR_HV_INVALID_PARAMETER), "the hypervisor does not take a value"),
        HRESULTS.ERROR_HV_ACCESS_DENIED => (nameof(HRESULTS.ERROR_HV_ACCESS_DENIED), "the hypervisor denies it"),
        HRESULTS.ERROR_HV_INVALID_PARTITION_STATE => (nameof(HRESULTS.ERROR_HV_INVALID_PARTITION_STATE), "the partition's state does not allow it"),
        HRESULTS.ERROR_HV_OPERATION_DENIED => (nameof(HRESULTS.ERROR_HV_OPERATION_DENIED), "the hypervisor denies it"),
        HRESULTS.ERROR_HV_UNKNOWN_PROPERTY => (nameof(HRESULTS.ERROR_HV_UNKNOWN_PROPERTY), "the hypervisor does not know the property"),
        HRESULTS.ERROR_HV_PROPERTY_VALUE_OUT_OF_RANGE => (nameof(HRESULTS.ERROR_HV_PROPERTY_VALUE_OUT_OF_RANGE), "the property's value is out of range"),
        HRESULTS.ERROR_HV_INSUFFICIENT_MEMORY => (nameof(HRESULTS.ERROR_HV_INSUFFICIENT_MEMORY), "the hypervisor has no memory left"),
        HRESULTS.ERROR_HV_INVALID_VP_INDEX => (nameof(HRESULTS.ERROR_HV_INVALID_VP_INDEX), "there is no such virtual processor"),
        HRESULTS.ERROR_HV_INVALID_VP_STATE => (nameof(HRESULTS.ERROR_HV_INVALID_VP_STATE), "the virtual processor's state does not allow it"),
        HRESULTS.ERROR_HV_FEATURE_UNAVAILABLE => (nameof(HRESULTS.ERROR_HV_FEATURE_UNAVAILABLE), "the hypervisor does not offer it"),
        HRESULTS.ERROR_HV_NOT_PRESENT => (nameof(HRESULTS.ERROR_HV_NOT_PRESENT), "no hypervisor is running"),
        _ => ("", ""),
    };

    private static string Remedy(string operation, int result) => result switch
    {
        HRESULTS.ERROR_HV_NOT_PRESENT or HRESULTS.WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG => EnableFeature,
        HRESULTS.E_NOTIMPL or HRESULTS.WHV_E_UNKNOWN_PROPERTY or HRESULTS.WHV_E_UNKNOWN_CAPABILITY or HRESULTS.ERROR_HV_UNKNOWN_PROPERTY =>
            "Update Windows, or do without it.",
        HRESULTS.E_OUTOFMEMORY or HRESULTS.NO_SYSTEM_RESOURCES or HRESULTS.ERROR_HV_INSUFFICIENT_MEMORY =>
            "Give the guest less memory, or free some on the host; dispose of partitions that are no longer used.",
        HRESULTS.E_ACCESSDENIED when operation == nameof(WhvFunctions.WHvCreatePartition) =>
            "Run as a user of the group \"Hyper-V Administrators\", or as administrator.",
        HRESULTS.WHV_E_INVALID_PARTITION_CONFIG or HRESULTS.WHV_E_UNSUPPORTED_PROCESSOR_CONFIG =>
            "Ask for fewer vCPUs, for another interrupt controller mode, or leave the CPUID table as it is.",
        HRESULTS.ERROR_HV_INVALID_PARTITION_STATE or HRESULTS.WHV_E_INVALID_VP_STATE or HRESULTS.ERROR_HV_INVALID_VP_STATE => CreateAnother,
        HRESULTS.E_INVALIDARG when operation.Contains("Doorbell", StringComparison.Ordinal) => "The same doorbell exists already.",
        _ => "",
    };
}
