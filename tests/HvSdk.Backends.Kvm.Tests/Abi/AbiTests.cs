using System.Reflection;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>The interop types against the kernel headers of this machine.</summary>
public sealed class AbiTests
{
    /// <summary>Names that are newer than headers in use, with the kernel that brought them.</summary>
    private static readonly Dictionary<string, string> s_mayBeMissing = new() { [nameof(KVM.KVM_EXIT_MEMORY_FAULT)] = "6.8" };

    /// <summary>What each request that carries a structure carries.</summary>
    private static readonly Dictionary<string, Type> s_arguments = new()
    {
        [nameof(KVM.KVM_GET_MSR_INDEX_LIST)] = typeof(kvm_msr_list),
        [nameof(KVM.KVM_GET_SUPPORTED_CPUID)] = typeof(kvm_cpuid2),
        [nameof(KVM.KVM_GET_DIRTY_LOG)] = typeof(kvm_dirty_log),
        [nameof(KVM.KVM_SET_USER_MEMORY_REGION)] = typeof(kvm_userspace_memory_region),
        [nameof(KVM.KVM_SET_IDENTITY_MAP_ADDR)] = typeof(ulong),
        [nameof(KVM.KVM_IRQ_LINE)] = typeof(kvm_irq_level),
        [nameof(KVM.KVM_GET_IRQCHIP)] = typeof(kvm_irqchip),
        [nameof(KVM.KVM_SET_IRQCHIP)] = typeof(kvm_irqchip),
        [nameof(KVM.KVM_CREATE_PIT2)] = typeof(kvm_pit_config),
        [nameof(KVM.KVM_GET_PIT2)] = typeof(kvm_pit_state2),
        [nameof(KVM.KVM_SET_PIT2)] = typeof(kvm_pit_state2),
        [nameof(KVM.KVM_SET_GSI_ROUTING)] = typeof(kvm_irq_routing),
        [nameof(KVM.KVM_IRQFD)] = typeof(kvm_irqfd),
        [nameof(KVM.KVM_IOEVENTFD)] = typeof(kvm_ioeventfd),
        [nameof(KVM.KVM_SIGNAL_MSI)] = typeof(kvm_msi),
        [nameof(KVM.KVM_SET_CLOCK)] = typeof(kvm_clock_data),
        [nameof(KVM.KVM_GET_CLOCK)] = typeof(kvm_clock_data),
        [nameof(KVM.KVM_GET_REGS)] = typeof(kvm_regs),
        [nameof(KVM.KVM_SET_REGS)] = typeof(kvm_regs),
        [nameof(KVM.KVM_GET_SREGS)] = typeof(kvm_sregs),
        [nameof(KVM.KVM_SET_SREGS)] = typeof(kvm_sregs),
        [nameof(KVM.KVM_INTERRUPT)] = typeof(kvm_interrupt),
        [nameof(KVM.KVM_GET_MSRS)] = typeof(kvm_msrs),
        [nameof(KVM.KVM_SET_MSRS)] = typeof(kvm_msrs),
        [nameof(KVM.KVM_GET_LAPIC)] = typeof(kvm_lapic_state),
        [nameof(KVM.KVM_SET_LAPIC)] = typeof(kvm_lapic_state),
        [nameof(KVM.KVM_SET_CPUID2)] = typeof(kvm_cpuid2),
        [nameof(KVM.KVM_GET_CPUID2)] = typeof(kvm_cpuid2),
        [nameof(KVM.KVM_GET_MP_STATE)] = typeof(kvm_mp_state),
        [nameof(KVM.KVM_SET_MP_STATE)] = typeof(kvm_mp_state),
        [nameof(KVM.KVM_SET_GUEST_DEBUG)] = typeof(kvm_guest_debug),
        [nameof(KVM.KVM_GET_VCPU_EVENTS)] = typeof(kvm_vcpu_events),
        [nameof(KVM.KVM_SET_VCPU_EVENTS)] = typeof(kvm_vcpu_events),
        [nameof(KVM.KVM_GET_DEBUGREGS)] = typeof(kvm_debugregs),
        [nameof(KVM.KVM_SET_DEBUGREGS)] = typeof(kvm_debugregs),
        [nameof(KVM.KVM_ENABLE_CAP)] = typeof(kvm_enable_cap),
        [nameof(KVM.KVM_GET_XCRS)] = typeof(kvm_xcrs),
        [nameof(KVM.KVM_SET_XCRS)] = typeof(kvm_xcrs),
        [nameof(KVM.KVM_CLEAR_DIRTY_LOG)] = typeof(kvm_clear_dirty_log),
        [nameof(KVM.KVM_X86_SET_MSR_FILTER)] = typeof(kvm_msr_filter),
    };

    /// <summary>struct kvm_xsave is a buffer whose length the kernel tells; the request's number holds the size of its first form.</summary>
    private static readonly Dictionary<string, ulong> s_buffers = new()
    {
        [nameof(KVM.KVM_GET_XSAVE)] = 4096,
        [nameof(KVM.KVM_SET_XSAVE)] = 4096,
        [nameof(KVM.KVM_GET_XSAVE2)] = 4096,
    };

    [Fact]
    public void Structs_AgainstTheHeaders_HaveTheirSizesAndOffsets()
    {
        // Headers without the exit lack its structure too; a member cannot be asked for with #ifdef.
        AbiFact memoryFault = AbiFacts.Constants().Single(static fact => fact.Name == nameof(KVM.KVM_EXIT_MEMORY_FAULT));
        bool hasMemoryFault = CProgram.Ask([memoryFault])[0] is not null;
        AbiFact[] facts = [.. AbiFacts.Layouts().Where(fact => hasMemoryFault || !fact.Name.Contains(nameof(kvm_run.memory_fault), StringComparison.Ordinal))];
        Assert.True(facts.Length > 400, $"only {facts.Length} facts were found in {AbiFacts.Structs.Count} structures");
        AssertAgree(facts, CProgram.Ask(facts));
    }

    [Fact]
    public void Constants_AgainstTheHeaders_AreEqual()
    {
        AbiFact version = new("LINUX_VERSION_CODE", "LINUX_VERSION_CODE", 0);
        AbiFact[] facts = [.. AbiFacts.Constants(), version];
        IReadOnlyList<ulong?> values = CProgram.Ask(facts);
        ulong code = values[^1]!.Value;
        string kernel = $"{code >> 16}.{(code >> 8) & 0xFF}.{code & 0xFF}";
        string[] missing = [.. facts.Where((_, i) => values[i] is null).Select(static fact => fact.Name)];
        TestContext.Current.TestOutputHelper?.WriteLine($"{facts.Length - 1} constants; the headers of Linux {kernel} lack: {string.Join(", ", missing)}");
        Assert.True(facts.Length > 200, $"only {facts.Length} constants were found");
        Assert.All(missing, name => Assert.True(s_mayBeMissing.ContainsKey(name), $"the headers of Linux {kernel} do not know {name}"));
        AssertAgree(facts[..^1], values);
    }

    [Fact]
    public void Requests_SizeInTheirNumber_IsThatOfWhatTheyCarry()
    {
        int requests = 0;
        foreach (FieldInfo field in typeof(KVM).GetFields())
        {
            // asm-generic/ioctl.h: 8 bits of number, 8 of type (KVMIO is 0xAE), 14 of size.
            uint request = (uint)field.GetRawConstantValue()!;
            if (((request >> 8) & 0xFF) != 0xAE)
            {
                continue;
            }

            requests++;
            ulong size = (request >> 16) & 0x3FFF;
            ulong expected = s_arguments.TryGetValue(field.Name, out Type? type) ? AbiFacts.SizeOf(type) : s_buffers.GetValueOrDefault(field.Name);
            Assert.True(size == expected, $"{field.Name} carries {size} bytes, and {type?.Name ?? "nothing"} has {expected}");
        }

        Assert.True(requests > 50, $"only {requests} requests were found");
    }

    [Fact]
    public void Signals_AgainstTheHeaders_AreAsTheKickNeedsThem()
    {
        AbiFact[] facts =
        [
            new("sa_handler comes first", "offsetof(struct sigaction, sa_handler)", 0),
            new("struct sigaction fits the buffer of 512 bytes", "sizeof(struct sigaction) <= 512", 1),
            new("last real-time signal", "SIGRTMAX", 64),
        ];
        AssertAgree(facts, CProgram.Ask(facts));
    }

    internal static void AssertAgree(IReadOnlyList<AbiFact> facts, IReadOnlyList<ulong?> values)
    {
        Assert.All(facts, (fact, i) => Assert.True(fact.Guard is not null || values[i] is not null, $"the C program did not tell {fact.Name}"));
        string[] wrong = [.. facts
            .Select((fact, i) => (Fact: fact, Header: values[i]))
            .Where(static pair => pair.Header is { } header && header != pair.Fact.Value)
            .Select(static pair => $"{pair.Fact.Name}: {pair.Fact.Value} here, {pair.Header} in the header")];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }
}
