using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>Finds out whether KVM can be used, and puts into words why not.</summary>
internal static class KvmProbe
{
    private static readonly (uint Number, string Name, string Since)[] s_required =
    [
        (KVM.KVM_CAP_USER_MEMORY, nameof(KVM.KVM_CAP_USER_MEMORY), "2.6.27"),
        (KVM.KVM_CAP_IMMEDIATE_EXIT, nameof(KVM.KVM_CAP_IMMEDIATE_EXIT), "4.13"),
    ];

    private static readonly (uint Number, string Name, string Since)[] s_requiredOnArm64 =
    [
        .. s_required,
        (KVM_ARM64.KVM_CAP_ONE_REG, nameof(KVM_ARM64.KVM_CAP_ONE_REG), "3.9"),
        (KVM_ARM64.KVM_CAP_ARM_PSCI_0_2, nameof(KVM_ARM64.KVM_CAP_ARM_PSCI_0_2), "3.16"),
        (KVM.KVM_CAP_MP_STATE, nameof(KVM.KVM_CAP_MP_STATE), "4.1"),
    ];

    /// <summary>The modules that give KVM its hands, for <see cref="Describe"/>.</summary>
    private static readonly string[] s_modules = ["kvm_intel", "kvm_amd", "kvm_pvm"];

    internal static BackendProbe CannotOpen(string path, GuestArchitecture? architecture, int errno) => errno switch
    {
        LibC.ENOENT => BackendProbe.Unavailable(KvmError.BackendName, $"{path} does not exist.", RemedyWhereThereIsNoDevice(architecture)),
        LibC.EACCES or LibC.EPERM => BackendProbe.Unavailable(
            KvmError.BackendName,
            $"{path} may not be opened by user {Environment.UserName}.",
            "Add the user to the group that owns it (usually: sudo usermod -aG kvm $USER, then log in again); in a container, pass it in with --device /dev/kvm."),
        _ => BackendProbe.Unavailable(
            KvmError.BackendName, $"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).", RemedyWhereThereIsNoDevice(architecture)),
    };

    internal static BackendProbe Try(SafeFd device, KvmBackendOptions options)
    {
        int version = device.TryControl(KVM.KVM_GET_API_VERSION, 0, out int error);
        if (version < 0)
        {
            return BackendProbe.Unavailable(
                KvmError.BackendName, $"{options.DevicePath} is not KVM: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).", "Name the KVM device.");
        }

        if (version != KVM.KVM_API_VERSION)
        {
            return BackendProbe.Unavailable(
                KvmError.BackendName, $"KVM speaks version {version} of its interface; HvSdk needs {KVM.KVM_API_VERSION}.", "Use a Linux kernel of 4.13 or later.");
        }

        foreach ((uint number, string name, string since) in device.Architecture == GuestArchitecture.Arm64 ? s_requiredOnArm64 : s_required)
        {
            if (device.TryControl(KVM.KVM_CHECK_EXTENSION, (nint)number, out _) <= 0)
            {
                return BackendProbe.Unavailable(KvmError.BackendName, $"This KVM has no {name}.", $"Use a Linux kernel of {since} or later.");
            }
        }

        if (options.EmulateFailedInstructions && device.Architecture != GuestArchitecture.X64)
        {
            return BackendProbe.Unavailable(
                KvmError.BackendName,
                $"{nameof(KvmBackendOptions)}.{nameof(KvmBackendOptions.EmulateFailedInstructions)} is for x86-64 alone, and this is {device.Architecture}.",
                "Leave it at false: the kernel of this architecture emulates no instructions, and loads and stores that it does not describe are completed without it.");
        }

        if (options.DirtyRingEntries > 0 && MaxDirtyRingBytes(device) < options.DirtyRingEntries * KvmDirtyRing.EntrySize)
        {
            return BackendProbe.Unavailable(
                KvmError.BackendName,
                $"Dirty rings of {options.DirtyRingEntries} entries were asked for, and this KVM offers {MaxDirtyRingBytes(device) / KvmDirtyRing.EntrySize}.",
                $"Set {nameof(KvmBackendOptions)}.{nameof(KvmBackendOptions.DirtyRingEntries)} lower, or to 0.");
        }

        return TryCreatePartition(device);
    }

    /// <summary>The kernel's words for itself, for people. On arm64 KVM is part of the kernel, and no module of its own tells the architecture.</summary>
    internal static string Describe(GuestArchitecture architecture)
    {
        string? module = architecture == GuestArchitecture.Arm64 ? "kvm_arm64" : Array.Find(s_modules, static name => Directory.Exists($"/sys/module/{name}"));
        return $"{module ?? "kvm"}, Linux {Environment.OSVersion.Version}";
    }

    /// <summary>Size of the largest dirty ring, or 0; x86 orders memory strongly enough for either capability, and arm64 has only the second.</summary>
    internal static int MaxDirtyRingBytes(SafeFd device) =>
        int.Max(device.CheckExtension(KVM.KVM_CAP_DIRTY_LOG_RING), device.CheckExtension(KVM.KVM_CAP_DIRTY_LOG_RING_ACQ_REL));

    /// <summary>A processor that another hypervisor holds shows only here.</summary>
    private static BackendProbe TryCreatePartition(SafeFd device)
    {
        int partition = device.TryControl(KVM.KVM_CREATE_VM, PartitionType(device), out int error);
        if (partition < 0)
        {
            HypervisorException exception = KvmError.FromErrno(nameof(KVM.KVM_CREATE_VM), error);
            return BackendProbe.Unavailable(KvmError.BackendName, $"{exception.Operation} failed: {exception.Reason}", exception.Remedy);
        }

        device.TakeChild(partition).Dispose();
        return BackendProbe.Available(KvmError.BackendName, Describe(device.Architecture));
    }

    /// <summary>What KVM_CREATE_VM is given: on arm64 the bits of guest addresses, and 0 for 40 where the kernel gives no choice (api.rst, 4.2).</summary>
    internal static int PartitionType(SafeFd device) =>
        device.Architecture == GuestArchitecture.Arm64 ? device.CheckExtension(KVM_ARM64.KVM_CAP_ARM_VM_IPA_SIZE) : 0;

    private static string RemedyWhereThereIsNoDevice(GuestArchitecture? architecture)
    {
        if (architecture == GuestArchitecture.Arm64)
        {
            return "The kernel has to be started at exception level 2 and be built with CONFIG_KVM: look for \"kvm\" in its log (dmesg). In a virtual machine, its host has to " +
                "allow nested virtualization.";
        }

        string flags = ReadProcessorFlags();
        bool hasVirtualization = flags.Contains(" vmx", StringComparison.Ordinal) || flags.Contains(" svm", StringComparison.Ordinal);
        return hasVirtualization
            ? "The processor offers virtualization: load the module (sudo modprobe kvm_intel, or kvm_amd)."
            : "The processor shows no virtualization (neither vmx nor svm in /proc/cpuinfo): switch it on in the firmware, or, in a virtual machine, " +
              "allow nested virtualization on its host.";
    }

    private static string ReadProcessorFlags()
    {
        try
        {
            return File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("flags", StringComparison.Ordinal)) ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
