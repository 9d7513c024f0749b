using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>The interop types that arm64 uses against the headers of its cross compiler.</summary>
public sealed class Arm64AbiTests
{
    /// <summary>Names that are newer than headers in use, with the kernel that brought them.</summary>
    private static readonly Dictionary<string, string> s_mayBeMissing = new()
    {
        [nameof(KVM_ARM64.KVM_HYPERCALL_EXIT_SMC)] = "6.4",
        [nameof(KVM_ARM64.KVM_ARM_VM_SMCCC_CTRL)] = "6.4",
        [nameof(KVM_ARM64.KVM_ARM_VM_SMCCC_FILTER)] = "6.4",
        [nameof(KVM_ARM64.KVM_SMCCC_FILTER_FWD_TO_USER)] = "6.4",
    };

    /// <summary>Requests that carry structures of x86: arm64 has its own, or none.</summary>
    private static readonly HashSet<string> s_ofX86 =
    [
        nameof(KVM.KVM_GET_REGS), nameof(KVM.KVM_SET_REGS), nameof(KVM.KVM_GET_SREGS), nameof(KVM.KVM_SET_SREGS), nameof(KVM.KVM_SET_GUEST_DEBUG),
        nameof(KVM.KVM_GET_VCPU_EVENTS), nameof(KVM.KVM_SET_VCPU_EVENTS), nameof(KVM.KVM_GET_MSR_INDEX_LIST), nameof(KVM.KVM_GET_SUPPORTED_CPUID), nameof(KVM.KVM_GET_PIT2),
        nameof(KVM.KVM_SET_PIT2), nameof(KVM.KVM_GET_MSRS), nameof(KVM.KVM_SET_MSRS), nameof(KVM.KVM_GET_LAPIC), nameof(KVM.KVM_SET_LAPIC), nameof(KVM.KVM_SET_CPUID2),
        nameof(KVM.KVM_GET_CPUID2), nameof(KVM.KVM_GET_DEBUGREGS), nameof(KVM.KVM_SET_DEBUGREGS), nameof(KVM.KVM_GET_XSAVE), nameof(KVM.KVM_SET_XSAVE), nameof(KVM.KVM_GET_XSAVE2),
        nameof(KVM.KVM_GET_XCRS), nameof(KVM.KVM_SET_XCRS), nameof(KVM.KVM_X86_SET_MSR_FILTER),
        nameof(KVM.KVM_DIRTY_LOG_PAGE_OFFSET), // 0 for arm64 before Linux 6.3, which brings it dirty rings, and 64 since
    ];

    /// <summary>Structures that are the same on every architecture, of those that arm64 uses.</summary>
    private static readonly Type[] s_shared =
    [
        typeof(kvm_userspace_memory_region), typeof(kvm_enable_cap), typeof(kvm_irq_level), typeof(kvm_irqfd), typeof(kvm_ioeventfd), typeof(kvm_irq_routing),
        typeof(kvm_irq_routing_entry), typeof(kvm_irq_routing_irqchip), typeof(kvm_dirty_log), typeof(kvm_clear_dirty_log), typeof(kvm_dirty_gfn), typeof(kvm_mp_state),
        typeof(kvm_stats_header), typeof(kvm_stats_desc),
    ];

    [Fact]
    public void Structs_AgainstTheCrossHeaders_HaveTheirSizesAndOffsets()
    {
        IEnumerable<Type> own = AbiFacts.StructsBeside(typeof(KVM_ARM64)).Where(static type => type != typeof(kvm_smccc_filter));
        AbiFact[] facts = [.. AbiFacts.Layouts([.. own, .. s_shared])];
        Assert.True(facts.Length > 200, $"only {facts.Length} facts were found");
        AbiTests.AssertAgree(facts, CrossHeaders.Ask(facts));
    }

    /// <summary>The filter of calls is newer than Debian's headers; its figures are those of Linux 6.4 (asm/kvm.h).</summary>
    [Fact]
    public void CallFilter_ByItsDocumentation_HasItsSize() => Assert.Equal(24UL, AbiFacts.SizeOf(typeof(kvm_smccc_filter)));

    [Fact]
    public void Constants_AgainstTheCrossHeaders_AreEqual()
    {
        AbiFact[] facts = [.. AbiFacts.Constants(typeof(KVM_ARM64), typeof(LibC))];
        IReadOnlyList<ulong?> values = CrossHeaders.Ask(facts);
        Assert.True(facts.Length > 100, $"only {facts.Length} constants were found");
        Assert.All(
            facts.Where((_, i) => values[i] is null), static fact => Assert.True(s_mayBeMissing.ContainsKey(fact.Name), $"the headers of the cross compiler do not know {fact.Name}"));
        AbiTests.AssertAgree(facts, values);
    }

    [Fact]
    public void Constants_SharedWithX86_AreTheSameOnArm64()
    {
        AbiFact[] facts = [.. AbiFacts.Constants(typeof(KVM)).Where(static fact => !s_ofX86.Contains(fact.Name))];
        IReadOnlyList<ulong?> values = CrossHeaders.Ask(facts);
        Assert.True(values.Count(static value => value is not null) > 100, "the headers of the cross compiler know too few of the shared constants");
        AbiTests.AssertAgree(facts, values);
    }
}
