using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>From errno to <see cref="HypervisorException"/>: the one place.</summary>
internal static class KvmError
{
    internal const string BackendName = "KVM";

    /// <summary>Gives the result of a call back, or throws where it is negative.</summary>
    internal static int Check(int result, string operation) => result >= 0 ? result : throw FromLast(operation);

    internal static HypervisorException FromLast(string operation) => FromErrno(operation, Marshal.GetLastPInvokeError());

    internal static HypervisorException FromErrno(string operation, int errno) =>
        Create(operation, errno, $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).");

    internal static HypervisorException Create(string operation, int errno, string reason) =>
        new(BackendName, operation, errno, reason, Remedy(operation, errno));

    private static string Remedy(string operation, int errno) => errno switch
    {
        LibC.EMFILE => "This process has too many files open: raise its limit (ulimit -n), or dispose of partitions that are no longer used.",
        LibC.ENFILE => "The machine has too many files open: raise fs.file-max.",
        LibC.ENOMEM when operation.Contains("huge", StringComparison.Ordinal) =>
            "Set more huge pages aside (/sys/kernel/mm/hugepages), or do without them.",
        LibC.ENOMEM => "The host has no memory left for it, or a limit of this process is reached (ulimit -v, cgroup memory.max).",
        LibC.EEXIST when operation.Contains("IOEVENTFD", StringComparison.Ordinal) => "The same doorbell exists already.",
        LibC.EEXIST when operation == "KVM_CREATE_VCPU" =>
            "KVM keeps a vCPU until its partition ends, also one that was disposed of: create a new partition, or choose an index that was never used.",
        LibC.ENOSPC when operation.Contains("IOEVENTFD", StringComparison.Ordinal) => "The partition has too many doorbells: join some by matching no value.",
        LibC.EBUSY when operation == "KVM_CREATE_VM" => "Another hypervisor uses the processor's virtualization: stop it, or unload its module.",
        _ => "",
    };
}
