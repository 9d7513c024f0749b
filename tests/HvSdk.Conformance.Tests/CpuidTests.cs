using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>The CPUID table of a partition is what its guest sees.</summary>
[X64Only("CPUID is an instruction of x86; AArch64 has ID registers (Arm64SystemRegisterTests).")]
public sealed class CpuidTests
{
    private const uint CustomLeaf = 0x4000_0100;

    [Fact]
    public void Override_OfLeaf_IsSeenByGuest() => OverrideIsSeen(0);

    [Fact]
    public void Override_OfLeaf_IsSeenByGuestAtCpl3() => Divergences.Check("cpuid-at-cpl3", static () => OverrideIsSeen(3));

    [Fact]
    public void Override_OfSubleaves_AreToldApartByGuest()
    {
        // Runs CPUID with subleaves 0 and 1; EAX of the first goes to R8.
        using var machine = new TestMachine(
            GuestProgram.LongMode(a =>
            {
                a.mov(eax, CustomLeaf);
                a.xor(ecx, ecx);
                a.cpuid();
                a.mov(r8d, eax);
                a.mov(eax, CustomLeaf);
                a.mov(ecx, 1);
                a.cpuid();
                a.hlt();
            }),
            static options => options.X64.ConfigureCpuid = static table =>
            {
                table.Set(new X64CpuidEntry(0x4000_0000, null, CustomLeaf, 0, 0, 0));
                table.Set(new X64CpuidEntry(CustomLeaf, 0, 0x10, 0, 0, 0));
                table.Set(new X64CpuidEntry(CustomLeaf, 1, 0x20, 0, 0, 0));
            });

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal((0x10UL, 0x20UL), (machine.Registers.R8, machine.Registers.Rax));
    }

    [Fact]
    public void Table_OfAVcpu_IsThatOfItsPartition()
    {
        X64CpuidTable? given = null;

        // Halts.
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.hlt()), options => options.X64.ConfigureCpuid = table => given = table);

        X64CpuidTable seen = machine.Vcpu.X64.GetCpuid();
        Assert.Equal(given!.Select(static entry => (entry.Leaf, entry.Subleaf)), seen.Select(static entry => (entry.Leaf, entry.Subleaf)));
        Assert.True(given!.TryGet(0, 0, out X64CpuidEntry vendor));
        Assert.True(seen.TryGet(0, 0, out X64CpuidEntry own));
        Assert.Equal(vendor, own);
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void TscDeadlineTimer_IsOffered_OnlyWhereTheHostKeepsTheLocalApic(InterruptControllerMode mode)
    {
        const uint tscDeadlineTimer = 1U << 24; // leaf 1, ECX

        // Halts.
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.hlt()), options => options.InterruptController = mode);

        Assert.True(machine.Vcpu.X64.GetCpuid().TryGet(1, 0, out X64CpuidEntry features));
        Assert.True(machine.Partition.Capabilities.Supports(HypervisorFeatures.PerVcpuInterruptController));
        Assert.Equal(mode == InterruptControllerMode.PerVcpu, (features.Ecx & tscDeadlineTimer) != 0);
    }

    [Fact]
    public void Override_TakingFeatureAway_IsSeenByGuest() => Divergences.Check("cpuid-features", static () =>
    {
        const uint sse2 = 1U << 26;

        // Runs CPUID with leaf 1.
        using var machine = new TestMachine(
            GuestProgram.LongMode(a =>
            {
                a.mov(eax, 1);
                a.cpuid();
                a.hlt();
            }),
            static options => options.X64.ConfigureCpuid = static table =>
            {
                Assert.True(table.TryGet(1, 0, out X64CpuidEntry features));
                Assert.NotEqual(0U, features.Edx & sse2);
                table.Set(features with { Edx = features.Edx & ~sse2 });
            });

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.True((machine.Registers.Rdx & sse2) == 0, "CPUID still shows SSE2");
    });

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void ApicId_OfEachVcpu_IsItsIndex(InterruptControllerMode mode)
    {
        // Runs CPUID with leaves 1 and 0xB: the APIC ID in EBX bits 31 to 24, which go to R8, and the x2APIC ID in EDX.
        GuestProgram program = GuestProgram.LongMode(a =>
        {
            a.mov(eax, 1);
            a.cpuid();
            a.mov(r8d, ebx);
            a.shr(r8d, 24);
            a.mov(eax, 0xB);
            a.xor(ecx, ecx);
            a.cpuid();
            a.Done();
        });
        using var machine = new TestMachine(program, options =>
        {
            options.MaxVcpus = 3;
            options.InterruptController = mode;
            options.X64.ConfigureCpuid = static table => table.Set(new X64CpuidEntry(0xB, 0, 0, 1, 0x100, 0));
        });

        for (int index = 0; index < 3; index++)
        {
            using Vcpu vcpu = machine.Partition.CreateVcpu(index);
            program.Start(vcpu);

            // A vCPU that is not the first waits for its start, where the host keeps the APIC; the first runs at once.
            Assert.True(vcpu.X64.GetCpuid().TryGet(1, 0, out X64CpuidEntry features));
            Assert.Equal((uint)index, features.Ebx >> 24);
            if (index == 0 || mode == InterruptControllerMode.None)
            {
                Assert.Equal(VcpuExitKind.PortWrite, vcpu.RunOnceBounded().Kind);
                Assert.Equal(((ulong)index, (ulong)index), (vcpu.X64.GetRegisters().R8, vcpu.X64.GetRegisters().Rdx));
            }
        }
    }

    [Fact]
    public void Table_OfHost_IsNotChangedByPartition()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        X64CpuidTable before = hypervisor.X64.GetSupportedCpuid();

        using (hypervisor.CreatePartition(new PartitionOptions { X64 = { ConfigureCpuid = static table => table.Remove(0) } }))
        {
            Assert.Equal(before.Count, hypervisor.X64.GetSupportedCpuid().Count);
        }
    }

    private static void OverrideIsSeen(int level)
    {
        // Runs CPUID with a leaf that only the table has.
        using var machine = new TestMachine(
            Guest.Long(level, a =>
            {
                a.mov(eax, CustomLeaf);
                a.xor(ecx, ecx);
                a.cpuid();
                a.mov(r8d, eax);
                a.Done();
            }),
            static options => options.X64.ConfigureCpuid = static table =>
            {
                table.Set(new X64CpuidEntry(0x4000_0000, null, CustomLeaf, 0, 0, 0));
                table.Set(new X64CpuidEntry(CustomLeaf, null, 0x1111, 0x2222, 0x3333, 0x4444));
            });

        machine.RunOnce(VcpuExitKind.PortWrite);

        X64Registers registers = machine.Registers;
        Assert.True(
            (registers.R8, registers.Rbx, registers.Rcx, registers.Rdx) == (0x1111, 0x2222, 0x3333, 0x4444),
            $"CPUID is not the table's: {registers}");
    }
}
