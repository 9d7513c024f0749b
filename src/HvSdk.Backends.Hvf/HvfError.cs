using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>From hv_return_t to <see cref="HypervisorException"/>: the one place.</summary>
internal static class HvfError
{
    internal const string BackendName = "HVF";

    internal const string Sign =
        "Sign the program that runs (not its libraries) with the entitlement com.apple.security.hypervisor, after publishing: " +
        "codesign --force --sign - --entitlements hypervisor.entitlements YourApp. A program started as 'dotnet YourApp.dll' runs as 'dotnet', which has no such signature: start YourApp itself.";

    private const string OnePerProcess =
        "Hypervisor.framework allows one virtual machine in a process. Dispose of the other partition first, on the threads of its vCPUs, or run the second in a process of its own.";

    /// <summary>Throws where a call has failed.</summary>
    internal static void Check(int result, string operation)
    {
        if (result != (int)HvReturn.HV_SUCCESS)
        {
            throw FromResult(operation, result);
        }
    }

    internal static HypervisorException FromResult(string operation, int result) =>
        new(BackendName, operation, result, $"{Describe(result)}.", Remedy(operation, (HvReturn)result));

    /// <summary>The code's name and number: "HV_BUSY (0xFAE94002): ...".</summary>
    internal static string Describe(int result)
    {
        string meaning = (HvReturn)result switch
        {
            HvReturn.HV_ERROR => "the framework gives no reason",
            HvReturn.HV_BUSY => "it is in use",
            HvReturn.HV_BAD_ARGUMENT => "the framework does not take an argument",
            HvReturn.HV_ILLEGAL_GUEST_STATE => "the guest's state does not allow it",
            HvReturn.HV_NO_RESOURCES => "the host has no resources left for it",
            HvReturn.HV_NO_DEVICE => "there is no virtual machine",
            HvReturn.HV_DENIED => "the process may not",
            HvReturn.HV_EXISTS => "it exists",
            HvReturn.HV_FAULT => "the memory cannot be reached",
            HvReturn.HV_UNSUPPORTED => "this machine or this macOS does not offer it",
            _ => "",
        };
        return meaning.Length > 0 ? $"{(HvReturn)result} (0x{result:X8}): {meaning}" : $"hv_return_t 0x{result:X8}";
    }

    private static string Remedy(string operation, HvReturn result) => (operation, result) switch
    {
        (_, HvReturn.HV_DENIED) => Sign,
        (nameof(HvFunctions.hv_vm_create), HvReturn.HV_BUSY or HvReturn.HV_EXISTS) => OnePerProcess,
        (nameof(HvFunctions.hv_vm_create), HvReturn.HV_UNSUPPORTED) => "Use a Mac with Apple silicon that is no virtual machine itself.",
        (nameof(HvFunctions.hv_vcpu_create), HvReturn.HV_BUSY) => "A thread has one vCPU. Create each on a thread of its own: Partition.RunVcpuAsync does.",
        (nameof(HvFunctions.hv_vcpu_create), HvReturn.HV_NO_RESOURCES) => "Ask for fewer vCPUs.",
        (_, HvReturn.HV_UNSUPPORTED) => "Update macOS, or do without it.",
        (_, HvReturn.HV_NO_RESOURCES) => "Give the guest less memory, or free some on the host.",
        _ => "",
    };
}
