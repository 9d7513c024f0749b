using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>Registers by their architectural names, and portable state.</summary>
public sealed class StateTests
{
    private const uint Distributor = KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_DIST_REGS;
    private const uint Redistributor = KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_REDIST_REGS;
    private const uint Interface = KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
    private const uint Level = KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO;

    /// <summary>Numbers of asm/kvm.h and of struct kvm_regs, written out: KVM_REG_ARM64 | size | kind | number.</summary>
    [Theory]
    [InlineData("SP_EL0", 0x6030_0000_0010_003EUL)]
    [InlineData("SP_EL1", 0x6030_0000_0010_0044UL)]
    [InlineData("ELR_EL1", 0x6030_0000_0010_0046UL)]
    [InlineData("SPSR_EL1", 0x6030_0000_0010_0048UL)]
    [InlineData("FPSR", 0x6020_0000_0010_00D4UL)]
    [InlineData("FPCR", 0x6020_0000_0010_00D5UL)]
    [InlineData("SCTLR_EL1", 0x6030_0000_0013_C080UL)]
    [InlineData("CNTV_CTL_EL0", 0x6030_0000_0013_DF19UL)]
    [InlineData("CNTV_CVAL_EL0", 0x6030_0000_0013_DF02UL)]
    [InlineData("CNTVCT_EL0", 0x6030_0000_0013_DF1AUL)]
    public void SystemRegister_OfAName_HasTheKernelsNumber(string name, ulong expected)
    {
        Arm64SystemRegister[] all =
        [
            .. KvmArm64RegisterIds.CoreRegisters, Arm64SystemRegister.SctlrEl1, Arm64SystemRegister.CntvCtlEl0, Arm64SystemRegister.CntvCvalEl0, Arm64SystemRegister.CntvctEl0,
        ];
        Assert.Equal(expected, KvmArm64RegisterIds.Of(all.Single(register => register.ToString() == name)));
    }

    [Fact]
    public void GeneralRegisters_AllOfThem_AreWrittenAndReadByNumber()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        Arm64Registers registers = new() { Pc = 0x1000, Pstate = Arm64Pstate.El1h };
        registers[30] = 30;
        registers[1] = 1;
        vcpu.Arm64.SetRegisters(registers);
        FakeVcpu fake = test.Vcpu();
        Assert.Equal(
            (1UL, 30UL, 0x1000UL, Arm64Pstate.El1h),
            (fake[0x6030_0000_0010_0002], fake[0x6030_0000_0010_003C], fake[0x6030_0000_0010_0040], fake[0x6030_0000_0010_0042]));
        Assert.Equal(registers, vcpu.Arm64.GetRegisters());
        UInt128[] simd = new UInt128[32];
        simd[31] = UInt128.MaxValue;
        vcpu.Arm64.SetSimdRegisters(simd);
        Assert.Equal(UInt128.MaxValue, fake.Registers[0x6040_0000_0010_00D0]);
    }

    /// <summary>CCSIDR_EL1 is what CSSELR_EL1 selects.</summary>
    [Fact]
    public void CacheSize_BySelection_IsTheDemultiplexedOne()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Vcpu()[0x6020_0000_0011_0002] = 0x7007;
        vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.CsselrEl1, 2);
        Assert.Equal(0x7007UL, vcpu.Arm64.GetSystemRegister(KvmArm64RegisterIds.CacheSizeRegister));
    }

    [Fact]
    public void SystemRegister_Refused_IsNamedWithTheRemedy()
    {
        using FakeTest test = new(FakeTest.Full);
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Vcpu().Refused[KvmArm64RegisterIds.Of(Arm64SystemRegister.Ttbr0El1)] = LibC.ENOENT;
        HypervisorException e = Assert.Throws<HypervisorException>(() => vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.Ttbr0El1));
        Assert.Equal(("KVM_GET_ONE_REG", LibC.ENOENT), (e.Operation, e.NativeErrorCode));
        Assert.Contains("TTBR0_EL1: ", e.Message, StringComparison.Ordinal);
        test.Kvm.AttributeRefusals[(Interface, Arm64SystemRegister.IccPmrEl1.Encoding)] = LibC.EBUSY;
        e = Assert.Throws<HypervisorException>(() => vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.IccPmrEl1, 0xF0));
        Assert.Contains("ICC_PMR_EL1: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("stop them all first", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InterfaceRegisters_HostsGic_AreTheGicsOfThatVcpu()
    {
        using FakeTest test = new(static options =>
        {
            FakeTest.Full(options);
            options.MaxVcpus = 20;
        });
        using Vcpu vcpu = test.Partition.CreateVcpu(17);
        vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.IccPmrEl1, 0xF0);

        // Affinity 1.1, in bits 39 to 32 and 47 to 40.
        Assert.Equal(0xF0UL, test.Kvm.Machine.Gic!.Registers[(Interface, (0x101UL << 32) | 0xC230)]);
        Assert.Equal(0xF0UL, vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.IccPmrEl1));
    }

    [Fact]
    public void VcpuState_SavedAndLoaded_IsAllThatAGuestCanChange()
    {
        using FakeTest test = new(FakeTest.Full);
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        FakeGic gic = test.Kvm.Machine.Gic!;
        gic.Missing = Arm64SystemRegister.Create(3, 0, 12, 8, 5).Encoding; // ICC_AP0R1_EL1
        FakeVcpu fake = test.Vcpu();
        fake[KvmArm64RegisterIds.Of(Arm64SystemRegister.TpidrEl0)] = 0x77;
        fake[KVM_ARM64.KVM_REG_ARM_TIMER_CNT] = 0x1234_5678;
        fake[KVM_ARM64.KVM_REG_ARM_TIMER_CVAL] = 0x9999;
        fake.Registers[KvmArm64RegisterIds.Simd(3)] = 3;
        gic.Registers[(Redistributor, 0x1_0100)] = 0xFFFF;
        gic.Registers[(Level, 0)] = 1 << 22;
        Arm64VcpuState state = vcpu.Arm64.SaveState();
        Assert.Equal(0x1234_5678UL, state.VirtualCounter);
        Assert.Equal(1U << 22, state.PrivateLineLevels);
        Assert.Equal(Arm64PowerState.On, state.PowerState);
        Assert.Contains(new Arm64SystemRegisterValue(Arm64SystemRegister.TpidrEl0, 0x77), state.SystemRegisters);
        Assert.Contains(new Arm64SystemRegisterValue(Arm64SystemRegister.CntvCvalEl0, 0x9999), state.SystemRegisters);
        Assert.DoesNotContain(state.SystemRegisters, static value => value.Register == Arm64SystemRegister.MidrEl1 || value.Register == Arm64SystemRegister.CntvctEl0);
        Assert.Equal(7, state.SystemRegisters.Count(static value => value.Register is { Crn: 12, Crm: 8, Op2: >= 4 } or { Crn: 12, Crm: 9 })); // ICC_AP0Rn_EL1 and ICC_AP1Rn_EL1

        using FakeTest other = new(FakeTest.Full);
        using Vcpu copy = other.Partition.CreateVcpu(0);
        copy.Arm64.LoadState(state);
        Assert.Equal(
            (0x77UL, 0x1234_5678UL, 0x9999UL, (UInt128)3),
            (other.Vcpu()[KvmArm64RegisterIds.Of(Arm64SystemRegister.TpidrEl0)], other.Vcpu()[KVM_ARM64.KVM_REG_ARM_TIMER_CNT], other.Vcpu()[KVM_ARM64.KVM_REG_ARM_TIMER_CVAL],
                other.Vcpu().Registers[KvmArm64RegisterIds.Simd(3)]));
        Assert.Equal(1UL << 22, other.Kvm.Machine.Gic!.Registers[(Level, 0)]);

        // ISENABLER takes ones alone, so what is not enabled is switched off first.
        List<(uint Group, ulong Attribute, ulong Value)> writes = other.Kvm.Machine.Gic.Writes;
        int clear = writes.IndexOf((Redistributor, 0x1_0180, 0xFFFF_0000));
        Assert.True(clear >= 0 && writes.IndexOf((Redistributor, 0x1_0100, 0xFFFF)) == clear + 1, "ICENABLER0 and ISENABLER0 were not written one after the other");
    }

    [Fact]
    public void VcpuState_WithAPendingStart_BeginsThere()
    {
        using FakeTest test = new(static options => options.MaxVcpus = 2);
        using Vcpu vcpu = test.Partition.CreateVcpu(1);
        vcpu.Arm64.LoadState(vcpu.Arm64.SaveState() with { PendingStart = new Arm64PendingStart(0x4000_1000, 0xABCD), IsIrqAsserted = true });
        Arm64Registers registers = vcpu.Arm64.GetRegisters();
        Assert.Equal((0x4000_1000UL, 0xABCDUL, Arm64PowerState.On), (registers.Pc, registers[0], vcpu.Arm64.PowerState));
        Assert.Contains((1U << 16, 1U), test.Kvm.Machine.Lines);
    }

    /// <summary>Routes have 64 bits, which the kernel takes as two words; levels follow the registers.</summary>
    [Fact]
    public void PartitionState_OfTheGic_RoundTrips()
    {
        using FakeTest test = new(FakeTest.Full);
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        FakeGic gic = test.Kvm.Machine.Gic!;
        gic.Registers[(Distributor, 0x6000 + (8 * 35))] = 0x102;
        gic.Registers[(Distributor, 0x6004 + (8 * 35))] = 0x3;
        gic.Registers[(Distributor, 0x104)] = 8;
        gic.Registers[(Distributor, 0x204)] = 8;
        gic.Registers[(Distributor, 0)] = 0x12;
        gic.Registers[(Level, 32)] = 8;
        PartitionState state = test.Partition.SaveState();
        Arm64GicState saved = state.Arm64Gic!;
        Assert.Contains(new Arm64GicRegisterValue(0x6000 + (8 * 35), 0x3_0000_0102), saved.Distributor);
        Assert.Equal(new Arm64GicRegisterValue(0, 0x12), saved.Distributor[^1]);
        Assert.Equal((8U, KvmGic.LineCount / 32), (saved.LineLevels![0], saved.LineLevels.Length));

        using FakeTest other = new(FakeTest.Full);
        other.Partition.LoadState(state);
        FakeGic loaded = other.Kvm.Machine.Gic!;
        Assert.Equal(
            (0x102UL, 3UL, 8UL, 0x12UL, 8UL),
            (loaded.Registers[(Distributor, 0x6000 + (8 * 35))], loaded.Registers[(Distributor, 0x6004 + (8 * 35))], loaded.Registers[(Distributor, 0x104)],
                loaded.Registers[(Distributor, 0)], loaded.Registers[(Level, 32)]));

        // The kernel looks whether an interrupt is enabled when it becomes pending, and not when it is enabled.
        (uint Group, ulong Attribute, ulong Value)[] inOrder = [(Distributor, 0x104, 8), (Distributor, 0, 0x12), (Distributor, 0x204, 8), (Level, 32, 8)];
        Assert.Equal(inOrder.Order(Comparer<(uint, ulong, ulong)>.Create((a, b) => loaded.Writes.IndexOf(a) - loaded.Writes.IndexOf(b))), inOrder);
        Assert.All(inOrder, write => Assert.Contains(write, loaded.Writes));
    }

    [Fact]
    public void PartitionState_ThatDoesNotFit_IsRefusedInWords()
    {
        using FakeTest none = new();
        using FakeTest full = new(FakeTest.Full);
        PartitionState state = full.Partition.SaveState();
        Assert.Contains("holds a GIC and the partition keeps none", Assert.Throws<ArgumentException>(() => none.Partition.LoadState(state)).Message, StringComparison.Ordinal);
        Assert.Contains("holds no GIC", Assert.Throws<ArgumentException>(() => full.Partition.LoadState(none.Partition.SaveState())).Message, StringComparison.Ordinal);
        PartitionState outside = new() { Arm64Gic = new() { Distributor = [new(0x1_0000, 0)] } };
        Assert.Contains("no register at 0x10000", Assert.Throws<ArgumentException>(() => full.Partition.LoadState(outside)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CounterOffset_Set_IsWhatIsReadAndOneForAll()
    {
        using FakeTest test = new(static options => options.MaxVcpus = 2);
        using Vcpu first = test.Partition.CreateVcpu(0);
        using Vcpu second = test.Partition.CreateVcpu(1);
        first.Arm64.VirtualCounterOffset = 0x1_0000;
        Assert.Equal((0x1_0000UL, 0x1_0000UL), (first.Arm64.VirtualCounterOffset, second.Arm64.VirtualCounterOffset));
        Assert.Contains(KVM_ARM64.KVM_REG_ARM_TIMER_CNT, test.Vcpu().Written);
    }

    [Theory]
    [InlineData(0UL, 0UL, -1L)]
    [InlineData(3UL, 1000UL, -1L)]
    [InlineData(1UL, 1000UL, 16L)]
    [InlineData(1UL, 0UL, 0L)]
    public void TimerDelay_ByControlAndCompareValue_IsInTime(ulong control, ulong ticks, long microseconds)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Vcpu()[KVM_ARM64.KVM_REG_ARM_TIMER_CTL] = control;
        test.Vcpu()[KVM_ARM64.KVM_REG_ARM_TIMER_CNT] = 5000;
        test.Vcpu()[KVM_ARM64.KVM_REG_ARM_TIMER_CVAL] = 5000 + ticks;
        Assert.Equal(microseconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(microseconds), vcpu.Arm64.GetVirtualTimerDelay());
    }
}
