using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

public sealed class SystemRegisterTests(StandIn standIn)
{
    /// <summary>A register of the performance monitors, which the host lets nobody have: PMCR_EL0.</summary>
    private static readonly Arm64SystemRegister s_unknown = Arm64SystemRegister.Create(3, 3, 9, 12, 0);

    [Fact]
    public void UnknownRegister_Default_EntersTheGuestsVector()
    {
        using Machine machine = new(standIn, ReadAndWrite);
        (string exit, Arm64Registers registers) = machine.Run();
        Assert.StartsWith("Hypercall number 0xC3000002", exit, StringComparison.Ordinal);
        Assert.Equal(1UL << 25, registers[7]);
    }

    [Fact]
    public void UnknownRegister_ReadZero_GivesZeroAndDropsWrites()
    {
        using Machine machine = new(standIn, ReadAndWrite, static options => options.Arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.ReadZero);
        (string exit, Arm64Registers registers) = machine.Run();
        Assert.StartsWith("Hypercall number 0xC3000001", exit, StringComparison.Ordinal);
        Assert.Equal(0UL, registers[2]);
    }

    [Fact]
    public void UnknownRegister_Exit_IsAnsweredOrRefusedByTheCaller()
    {
        using Machine machine = new(standIn, ReadAndWrite, static options => options.Arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.Exit);
        using Vcpu vcpu = machine.CreateVcpu();
        VcpuExit read = vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.RegisterRead, (uint)s_unknown.Encoding), (read.Kind, read.RegisterIndex));
        read.SetValue(0x55);
        VcpuExit write = vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.RegisterWrite, 0x56UL), (write.Kind, write.Value));
        write.Fault();
        Assert.Equal(0xC300_0002UL, vcpu.RunOnce().HypercallNumber);
    }

    [Fact]
    public void Registers_AllKinds_RoundTrip()
    {
        using Machine machine = new(standIn, static guest => guest.Hvc());
        using Vcpu vcpu = machine.CreateVcpu();
        Arm64Registers registers = new() { Pc = Machine.Ram, Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked };
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            registers[i] = 0x0101_0101_0101_0101 * (ulong)i;
        }

        UInt128[] simd = [.. Enumerable.Range(0, 32).Select(static i => ((UInt128)(ulong)i << 100) | (ulong)i)];
        vcpu.Arm64.SetRegisters(registers);
        vcpu.Arm64.SetSimdRegisters(simd);
        vcpu.Arm64.SetSystemRegisters(new(Arm64SystemRegister.TpidrEl1, 0x1234), new(Arm64SystemRegister.Fpcr, 1UL << 24));
        UInt128[] read = new UInt128[32];
        vcpu.Arm64.GetSimdRegisters(read);
        Assert.Equal(registers, vcpu.Arm64.GetRegisters());
        Assert.Equal(simd, read);
        Assert.Equal((0x1234UL, 1UL << 24), (vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.TpidrEl1), vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.Fpcr)));
        HypervisorException e = Assert.Throws<HypervisorException>(() => vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.Create(3, 7, 15, 15, 7)));
        Assert.Contains("S3_7_C15_C15_7: HV_BAD_ARGUMENT (0xFAE94003)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_SavedAndLoadedInAnotherPartition_GoesOn()
    {
        Arm64VcpuState state;
        using (Machine machine = new(standIn, Counter))
        {
            using Vcpu vcpu = machine.CreateVcpu();
            Assert.Equal(VcpuExitKind.MmioWrite, vcpu.RunOnce().Kind);
            state = vcpu.Arm64.SaveState();
        }

        using Machine second = new(standIn, Counter);
        using Vcpu copy = second.CreateVcpu();
        copy.Arm64.LoadState(state);
        VcpuExit exit = copy.RunOnce();
        Assert.Equal((VcpuExitKind.MmioWrite, 2UL), (exit.Kind, exit.Value));
    }

    /// <summary>Stores 1, 2, 3 to the device.</summary>
    private static void Counter(Arm64Assembler guest)
    {
        guest.Mov(1, Machine.Device);
        guest.Mov(2, 0);
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.Add(2, 2, 1);
        guest.Str(2, 1, 8);
        guest.B(loop);
    }

    /// <summary>Reads an unknown register into X2, writes it, and calls 1; its exception vector calls 2 with the syndrome in X7.</summary>
    private static void ReadAndWrite(Arm64Assembler guest)
    {
        guest.Mov(1, Machine.Ram + 0x800);
        guest.Msr(Arm64SystemRegister.VbarEl1, 1);
        guest.Isb();
        guest.Mov(2, 0x99);
        guest.Mrs(2, s_unknown);
        guest.Mov(3, 0x56);
        guest.Msr(s_unknown, 3);
        guest.Mov(0, 0xC300_0001);
        guest.Hvc();
        guest.PadTo(Machine.Ram + 0x800 + 0x200); // synchronous, from EL1h
        guest.Mrs(7, Arm64SystemRegister.EsrEl1);
        guest.Mov(0, 0xC300_0002);
        guest.Hvc();
    }
}
