using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>
/// The one place that knows how hypervisors differ from what the API promises. A test names its behaviour and is written as if all had it; where
/// this table has a line for the hypervisor under test, the test must end in the line's outcome instead. So nothing is skipped, and a line that
/// no longer holds fails. docs/backends.md shows the table to users (<see cref="DivergenceDocumentTests"/> keeps the two in step).
/// </summary>
internal static class Divergences
{
    private const string PvmEmulatesKernelCode =
        "The kernel has KVM without hardware virtualization (KVM_PVM): its instruction emulator interprets all code of privilege level 0, and lacks instructions.";

    private const string PvmRunsUserCode = "KVM_PVM runs code of privilege level 3 directly on the host's processor, outside any virtualization.";

    private static readonly TimeSpan s_noExitLimit = TimeSpan.FromSeconds(3);

    /// <summary>All lines, in the order of the document.</summary>
    internal static IReadOnlyList<Divergence> Table { get; } =
    [
        new(
            "cmpxchg16b-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.EmulationFailure("480FC70F"),
            "CMPXCHG16B leaves with EmulationFailure.",
            PvmEmulatesKernelCode),
        new(
            "avx-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.EmulationFailure("C5FC1107"),
            "AVX instructions leave with EmulationFailure at privilege level 0.",
            PvmEmulatesKernelCode),
        new(
            "xgetbv-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.EmulationFailure("0F01D0"),
            "XGETBV leaves with EmulationFailure at privilege level 0.",
            PvmEmulatesKernelCode),
        new(
            "xgetbv-at-cpl3",
            "kvm_pvm",
            new DivergentOutcome.Value("XGETBV gives 0x"),
            "XGETBV gives the host's XCR0 at privilege level 3.",
            PvmRunsUserCode),
        new(
            "pushf-at-cpl3",
            "kvm_pvm",
            new DivergentOutcome.Value("PUSHF differs in 0x3200"),
            "PUSHF at privilege level 3 shows interrupts enabled and I/O privilege level 0, whatever RFLAGS holds.",
            PvmRunsUserCode),
        new(
            "cpuid-at-cpl3",
            "kvm_pvm",
            new DivergentOutcome.Unreliable(new DivergentOutcome.Value("CPUID is not the table's")),
            "CPUID at privilege level 3 gives the host's answers, not the partition's table, unless the host's processor can make it fault.",
            PvmRunsUserCode),
        new(
            "cpuid-features",
            "kvm_pvm",
            new DivergentOutcome.Value("CPUID still shows SSE2"),
            "Leaf 1 shows the host's features at every privilege level, whatever the partition's table says.",
            "KVM_PVM puts the processor's own answer into the table that it is given, since it cannot keep the guest from the features."),
        new(
            "xsetbv-by-guest",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Value("XCR0 is 0x7 after XSETBV with 0x3"),
            "XSETBV of the guest is not seen by the host.",
            "The processor that QEMU emulates does not intercept XSETBV."),
        new(
            "dirty-ring-overflow-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.Unreliable(
                new DivergentOutcome.Value("Assert.Equal() Failure: Collections differ"),
                new DivergentOutcome.Exit(VcpuExitKind.HostFailure)),
            "A guest that writes more pages at privilege level 0 than the dirty ring has entries may lose some, or end with HostFailure. Use bitmaps.",
            "KVM_PVM does not look at the ring between the instructions that it interprets, and overruns it."),
        .. VcpuDivergences.Lines,
        .. WhpDivergences.Lines,
        .. HvfDivergences.Lines,
        .. KvmArm64Divergences.Lines,
    ];

    /// <summary>How long a test shall wait for a guest to leave: where the table says that it does not, long enough to see that it goes on.</summary>
    internal static TimeSpan LimitOf(string behaviour) =>
        Find(behaviour, LiveHypervisor.Capabilities.HostDescription)?.Outcome is DivergentOutcome.NoExit ? s_noExitLimit : Limit.Value;

    /// <summary>Runs a test body, or, where the table has a line for this hypervisor, asserts that it fails in the way that the line names.</summary>
    /// <param name="behaviour">The behaviour's name, unique among the tests.</param>
    /// <param name="body">The test. It asserts the behaviour as the API promises it.</param>
    internal static void Check(string behaviour, Action body)
    {
        Divergence? line = Find(behaviour, LiveHypervisor.Capabilities.HostDescription);
        if ((line ?? FindUnderStandIn(behaviour)) is not { } divergence)
        {
            body();
            return;
        }

        Exception? failure = Record.Exception(body);
        if (failure is null)
        {
            // What lies under a stand-in may show through it or not: the backend emulates what its host cannot.
            if (divergence.Outcome is DivergentOutcome.Unreliable || line is null)
            {
                return;
            }

            Assert.Fail($"{divergence.Hypervisor} has the behaviour {behaviour}, and the table says: {divergence.Differs} Take the line out of {nameof(Divergences)}.");
        }

        if (divergence.Outcome.FindMismatch(failure) is { } mismatch)
        {
            Assert.Fail($"The table says of {behaviour} on {divergence.Hypervisor}: {divergence.Differs} The outcome {mismatch}, and is: {failure}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"Diverges as the table says: {divergence.Differs}");
    }

    /// <summary>The line for the KVM that carries a stand-in, or null.</summary>
    private static Divergence? FindUnderStandIn(string behaviour) =>
        WhpStandIn.Carrier is { } carrier ? Find(behaviour, carrier) : null;

    /// <summary>The line for a behaviour on a host, or null.</summary>
    internal static Divergence? Find(string behaviour, string hostDescription)
    {
        string module = hostDescription.Split(',', ' ')[0];
        string?[] names = [module, module.Split('_')[0], EmulatedProcessor.Name];
        return Table.FirstOrDefault(line => line.Behaviour == behaviour && names.Contains(line.Hypervisor));
    }
}
