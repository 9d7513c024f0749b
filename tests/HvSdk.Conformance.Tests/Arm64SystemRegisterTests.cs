using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>System registers of AArch64: those that the host keeps, those that identify the processor, and those that nobody knows.</summary>
[Arm64Only]
public sealed class Arm64SystemRegisterTests
{
    private const ulong Unanswered = 0x99;

    /// <summary>A register of the performance monitors, which the host lets nobody have: PMCR_EL0.</summary>
    private static readonly Arm64SystemRegister s_unknown = Arm64SystemRegister.Create(3, 3, 9, 12, 0);

    [Fact]
    public void UnknownRegister_Default_EntersTheGuestsVector()
    {
        using TestMachine machine = CreateReader(Arm64UnknownRegisterPolicy.Undefined);

        Assert.Equal(Arm64Program.FaultPlace, machine.RunOnce(VcpuExitKind.MmioWrite).Address);

        Assert.Equal(Arm64Guest.UndefinedSyndrome, machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1));
        Assert.Equal(Unanswered, machine.Vcpu.Arm64.GetRegisters()[2]);
    }

    [Fact]
    public void UnknownRegister_ReadZero_GivesZeroAndDropsWrites()
    {
        using TestMachine machine = CreateReader(Arm64UnknownRegisterPolicy.ReadZero);

        Assert.Equal((0UL, 0UL), (machine.NextTold(), machine.NextTold()));
    }

    [Fact]
    public void UnknownRegister_Exit_IsAnsweredByTheCaller()
    {
        using TestMachine machine = CreateReader(Arm64UnknownRegisterPolicy.Exit);

        VcpuExit read = machine.RunOnce(VcpuExitKind.RegisterRead);
        Assert.Equal((uint)s_unknown.Encoding, read.RegisterIndex);
        read.SetValue(0x55);

        Assert.Equal(0x55UL, machine.NextTold());
        VcpuExit write = machine.RunOnce(VcpuExitKind.RegisterWrite);
        Assert.Equal(((uint)s_unknown.Encoding, 0x55UL), (write.RegisterIndex, write.Value));
        machine.RunOnce(VcpuExitKind.RegisterRead).SetValue(0x66);
        Assert.Equal(0x66UL, machine.NextTold());
    }

    [Fact]
    public void UnknownRegister_Exit_IsRefusedByTheCaller()
    {
        using TestMachine machine = CreateReader(Arm64UnknownRegisterPolicy.Exit);
        ulong pc = Arm64Program.DefaultLoadAddress + 4;

        machine.RunOnce(VcpuExitKind.RegisterRead).Fault();

        Assert.Equal(Arm64Program.FaultPlace, machine.RunOnce(VcpuExitKind.MmioWrite).Address);
        Assert.Equal(
            (pc, Arm64Guest.UndefinedSyndrome, Unanswered),
            (machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.ElrEl1), machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1), machine.Vcpu.Arm64.GetRegisters()[2]));
    }

    [Fact]
    public void Register_SetByHost_IsSeenByGuest()
    {
        using TestMachine machine = CreateTeller(Arm64SystemRegister.TpidrEl1);
        machine.Vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.TpidrEl1, 0x1234_5678_9ABC_DEF0);

        Assert.Equal(0x1234_5678_9ABC_DEF0UL, machine.NextTold());
    }

    [Fact]
    public void Register_SetByGuest_IsSeenByHost()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Mov(2, 0x1234);
            a.Msr(Arm64SystemRegister.TpidrEl0, 2);
            a.Tell(2);
        });

        machine.NextTold();

        Assert.Equal(0x1234UL, machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.TpidrEl0));
    }

    [Fact]
    public void Registers_OfState_CanAllBeReadAndWrittenBack()
    {
        using TestMachine machine = Arm64Guest.Create(static a => a.Nop());
        Arm64SystemRegister[] registers = [.. machine.Hypervisor.Arm64.GetStateRegisters()];
        ulong[] values = new ulong[registers.Length];
        machine.Vcpu.Arm64.GetSystemRegisters(registers, values);

        machine.Vcpu.Arm64.SetSystemRegisters([.. registers.Zip(values, static (register, value) => new Arm64SystemRegisterValue(register, value))]);

        ulong[] again = new ulong[registers.Length];
        machine.Vcpu.Arm64.GetSystemRegisters(registers, again);
        Assert.Equal(values, again);
        Assert.Contains(Arm64SystemRegister.TpidrEl1, registers);
    }

    [Fact]
    public void Affinity_OfVcpu_IsInItsMpidr()
    {
        using TestMachine machine = CreateTeller(Arm64SystemRegister.MpidrEl1);

        Assert.Equal((1UL << 31) | machine.Vcpu.Arm64.Affinity, machine.NextTold());
    }

    [Fact]
    public void FeatureRegister_OfTheHost_IsWhatTheGuestReads()
    {
        Arm64SystemRegister register = Arm64SystemRegister.IdAa64Isar0El1;
        using TestMachine machine = CreateTeller(register);

        ulong told = machine.NextTold();

        Assert.Equal(machine.Hypervisor.Arm64.GetFeatureRegisters().Single(feature => feature.Register == register).Value, told);
    }

    [Fact]
    public void Register_ThatTheHostDoesNotReach_IsNamed()
    {
        using var machine = new TestMachine();

        var refusal = Assert.Throws<HypervisorException>(() => machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.Create(3, 7, 15, 15, 7)));

        Assert.Contains("S3_7_C15_C15_7", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Reads the unknown register into X2, tells it, writes it; and again.</summary>
    private static TestMachine CreateReader(Arm64UnknownRegisterPolicy policy) => Arm64Guest.Create(
        static a =>
        {
            a.Mov(2, Unanswered);
            Arm64Label loop = new();
            a.Mark(loop);
            a.Mrs(2, s_unknown);
            a.Tell(2);
            a.Msr(s_unknown, 2);
            a.B(loop);
        },
        options => options.Arm64.UnknownRegisters = policy);

    private static TestMachine CreateTeller(Arm64SystemRegister register) => Arm64Guest.Create(a =>
    {
        a.Mrs(2, register);
        a.Tell(2);
    });
}
