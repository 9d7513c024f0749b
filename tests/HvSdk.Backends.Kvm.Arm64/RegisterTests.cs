using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

public sealed class RegisterTests
{
    [Fact]
    public void Registers_AllKinds_RoundTrip()
    {
        using Machine machine = new(static guest => guest.Nop());
        using Vcpu vcpu = machine.CreateVcpu();
        Arm64Registers registers = new() { Pc = Machine.Ram, Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked };
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            registers[i] = 0x0101_0101_0101_0101 * (ulong)i;
        }

        UInt128[] simd = [.. Enumerable.Range(0, 32).Select(static i => ((UInt128)(ulong)i << 100) | (ulong)i)];
        vcpu.Arm64.SetRegisters(registers);
        vcpu.Arm64.SetSimdRegisters(simd);
        Arm64SystemRegisterValue[] system =
        [
            new(Arm64SystemRegister.TpidrEl1, 0x1234), new(Arm64SystemRegister.Fpcr, 1UL << 24), new(Arm64SystemRegister.Fpsr, 1), new(Arm64SystemRegister.SpEl0, 0x10),
            new(Arm64SystemRegister.SpEl1, 0x20), new(Arm64SystemRegister.ElrEl1, 0x30), new(Arm64SystemRegister.SpsrEl1, 0x3C5), new(Arm64SystemRegister.CntvCvalEl0, 0x1_2345_6789),
            new(Arm64SystemRegister.VbarEl1, 0x800),
        ];
        vcpu.Arm64.SetSystemRegisters(system);
        UInt128[] read = new UInt128[32];
        vcpu.Arm64.GetSimdRegisters(read);
        Assert.Equal(registers, vcpu.Arm64.GetRegisters());
        Assert.Equal(simd, read);
        Assert.All(system, value => Assert.Equal(value, new(value.Register, vcpu.Arm64.GetSystemRegister(value.Register))));
    }

    /// <summary>What the caller writes is what the guest reads, by the same names.</summary>
    [Fact]
    public void SystemRegisters_ByName_AreTheGuestsOwn()
    {
        Arm64SystemRegister[] registers =
        [
            Arm64SystemRegister.SpEl0, Arm64SystemRegister.ElrEl1, Arm64SystemRegister.SpsrEl1, Arm64SystemRegister.CntvCvalEl0, Arm64SystemRegister.TpidrEl0, Arm64SystemRegister.MpidrEl1,
            Arm64SystemRegister.CsselrEl1, KvmCacheSize,
        ];
        using Machine machine = new(guest =>
        {
            foreach (Arm64SystemRegister register in registers)
            {
                guest.Mrs(2, register);
                Machine.Tell(guest, 2);
            }
        });
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Arm64.SetSystemRegisters(
            new(Arm64SystemRegister.SpEl0, 0x10), new(Arm64SystemRegister.ElrEl1, 0x30), new(Arm64SystemRegister.SpsrEl1, 0x3C5), new(Arm64SystemRegister.CntvCvalEl0, 0x1_2345_6789),
            new(Arm64SystemRegister.TpidrEl0, 0x77), new(Arm64SystemRegister.CsselrEl1, 0));
        Assert.All(registers, register => Assert.Equal((register, vcpu.Arm64.GetSystemRegister(register)), (register, vcpu.NextValue())));
    }

    [Fact]
    public void SystemRegister_ThatTheHostDoesNotHave_IsRefusedByName()
    {
        using Machine machine = new(static guest => guest.Nop());
        using Vcpu vcpu = machine.CreateVcpu();
        HypervisorException e = Assert.Throws<HypervisorException>(() => vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.Create(3, 7, 15, 15, 7)));
        Assert.Contains("S3_7_C15_C15_7", e.Message, StringComparison.Ordinal);
        Assert.Equal("KVM_GET_ONE_REG", e.Operation);
    }

    /// <summary>The performance monitors, which vCPUs do not have.</summary>
    [Fact]
    public void UnknownRegister_GuestReadsIt_EntersItsVector()
    {
        using Machine machine = new(static guest =>
        {
            guest.Mov(1, Machine.Ram + 0x800);
            guest.Msr(Arm64SystemRegister.VbarEl1, 1);
            guest.Isb();
            guest.Mrs(2, Arm64SystemRegister.Create(3, 3, 9, 12, 0)); // PMCR_EL0
            guest.PadTo(Machine.Ram + 0x800 + 0x200);
            guest.Mrs(7, Arm64SystemRegister.EsrEl1);
            Machine.Tell(guest, 7);
        });
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal(1UL << 25, vcpu.NextValue());
    }

    [Fact]
    public void Counter_FrequencyAndOffset_AreWhatTheGuestSees()
    {
        using Machine machine = new(static guest =>
        {
            guest.Mrs(2, Arm64SystemRegister.CntfrqEl0);
            Machine.Tell(guest, 2);
            guest.Mrs(2, Arm64SystemRegister.CntvctEl0);
            Machine.Tell(guest, 2);
            guest.Mrs(2, Arm64SystemRegister.CntvctEl0);
            Machine.Tell(guest, 2);
        });
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal((ulong)machine.Hypervisor.Arm64.CounterFrequency, vcpu.NextValue());
        ulong before = vcpu.NextValue();
        const ulong earlier = 1UL << 40;
        ulong offset = vcpu.Arm64.VirtualCounterOffset;
        vcpu.Arm64.VirtualCounterOffset = offset - earlier;
        Assert.Equal(offset - earlier, vcpu.Arm64.VirtualCounterOffset);
        Assert.InRange(vcpu.NextValue(), before + earlier - (1UL << 32), before + earlier + (1UL << 36));
    }

    [Fact]
    public void State_SavedAndLoadedInAnotherPartition_GoesOn()
    {
        Arm64VcpuState state;
        using (Machine machine = new(Counter))
        {
            using Vcpu vcpu = machine.CreateVcpu();
            Assert.Equal(1UL, vcpu.NextValue());
            state = vcpu.Arm64.SaveState();
        }

        using Machine second = new(Counter);
        using Vcpu copy = second.CreateVcpu();
        copy.Arm64.LoadState(state);
        Assert.Equal(2UL, copy.NextValue());
        Assert.True(state.SystemRegisters.Length > 30, $"only {state.SystemRegisters.Length} system registers were saved");
    }

    private static Arm64SystemRegister KvmCacheSize => Arm64SystemRegister.Create(3, 1, 0, 0, 0); // CCSIDR_EL1

    /// <summary>Tells 1, 2, 3.</summary>
    private static void Counter(Arm64Assembler guest)
    {
        guest.Mov(2, 0);
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.Add(2, 2, 1);
        Machine.Tell(guest, 2);
        guest.B(loop);
    }
}
