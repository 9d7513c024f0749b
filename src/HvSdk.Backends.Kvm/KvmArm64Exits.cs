using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_run = HvSdk.Backends.Kvm.Interop.Arm64.kvm_run;

namespace HvSdk.Backends.Kvm;

/// <summary>From the kernel's exit block to the core's exit, where no register is needed for it.</summary>
/// <remarks>The spans of an exit point into the block, which lives until the vCPU is disposed of; the core hands none out beyond the next entry.</remarks>
internal static unsafe class KvmArm64Exits
{
    /// <summary>An access that the kernel has taken apart; it extends the sign and writes the register when the vCPU is entered again.</summary>
    // SAFETY: len is 1 to 8, and data holds 8.
    internal static VcpuExit Mmio(kvm_run* run) =>
        ExitFactory.Mmio(run->mmio.is_write != 0, run->mmio.phys_addr, new Span<byte>(&run->mmio.data, (int)uint.Min(run->mmio.len, sizeof(ulong))));

    /// <summary>All that needs nothing but the block.</summary>
    internal static VcpuExit Decode(kvm_run* run) => run->exit_reason switch
    {
        KVM.KVM_EXIT_MMIO => Mmio(run),
        KVM.KVM_EXIT_INTR => ExitFactory.Plain(VcpuExitKind.Canceled),
        KVM.KVM_EXIT_SYSTEM_EVENT => ExitFactory.SystemEvent(KvmExits.ToSystemEvent(run->system_event.type), run->system_event.type, ExitUnion(run)),
        KVM.KVM_EXIT_FAIL_ENTRY => ExitFactory.Plain(VcpuExitKind.EntryFailure, 0, (uint)run->fail_entry.hardware_entry_failure_reason, ExitUnion(run)),
        KVM.KVM_EXIT_INTERNAL_ERROR => ExitFactory.Plain(VcpuExitKind.HostFailure, 0, run->@internal.suberror, ExitUnion(run)),
        var reason => ExitFactory.Plain(VcpuExitKind.Unknown, 0, reason, ExitUnion(run)),
    };

    /// <summary>KVM_RUN returned an error that the guest may have brought about: a value, as all that a guest does.</summary>
    // SAFETY: the members that it reads lie where they do on x86: they are of the part of the block that is the same everywhere.
    internal static void DecodeError(kvm_run* run, int error, out VcpuExit exit) => KvmExits.DecodeError((Interop.kvm_run*)run, error, out exit);

    // SAFETY: the union lies within the page.
    internal static ReadOnlySpan<byte> ExitUnion(kvm_run* run) => new((byte*)run + kvm_run.ExitUnionOffset, kvm_run.ExitUnionSize);
}
