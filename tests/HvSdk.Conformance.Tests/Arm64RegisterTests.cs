using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>General, SIMD and floating-point registers of AArch64: what is set is read back, the guest sees it, and what the guest sets is seen.</summary>
[Arm64Only]
public sealed class Arm64RegisterTests
{
    [Fact]
    public void Registers_SetThenGet_AreTheSame()
    {
        using var machine = new TestMachine();
        Arm64Registers registers = new() { Pc = 0x1000, Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked | Arm64Pstate.Negative | Arm64Pstate.Carry };
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            registers[i] = 0x0101_0101_0101_0101 * (ulong)(i + 1);
        }

        machine.Vcpu.Arm64.SetRegisters(registers);

        Assert.Equal(registers, machine.Vcpu.Arm64.GetRegisters());
    }

    [Fact]
    public void Registers_ByName_AreThoseOfTheWhole()
    {
        using var machine = new TestMachine();
        Arm64Register[] names = Enum.GetValues<Arm64Register>();
        ulong[] values = [.. names.Select(static name => name == Arm64Register.Pstate ? Arm64Pstate.El1h | Arm64Pstate.AllMasked : (ulong)(name + 1) * 0x1000)];

        machine.Vcpu.Arm64.SetRegisters(names, values);

        ulong[] read = new ulong[names.Length];
        machine.Vcpu.Arm64.GetRegisters(names, read);
        Assert.Equal(values, read);
        Assert.Equal(values[5], machine.Vcpu.Arm64.GetRegisters()[5]);
    }

    [Fact]
    public void Registers_SetByHost_AreSeenByGuestAndTheReverse()
    {
        // Tells X9, and then sets X10.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Tell(9);
            a.Mov(10, 0x7788);
            a.Tell(10);
        });
        machine.Vcpu.Arm64.SetRegisters([Arm64Register.X9], [0x1122_3344_5566_7788]);

        Assert.Equal(0x1122_3344_5566_7788UL, machine.NextTold());
        machine.NextTold();

        Assert.Equal(0x7788UL, machine.Vcpu.Arm64.GetRegisters()[10]);
    }

    [Fact]
    public void StackPointers_OfBothLevels_AreKeptApart()
    {
        // Tells SP of EL1.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Add(2, HvSdk.Testing.Arm64Assembler.Zero, 0);
            a.Tell(2);
        });
        machine.Vcpu.Arm64.SetSystemRegisters(new(Arm64SystemRegister.SpEl1, 0x7000), new(Arm64SystemRegister.SpEl0, 0x6000));

        Assert.Equal(0x7000UL, machine.NextTold());
        Assert.Equal(0x6000UL, machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.SpEl0));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Simd_SetByHost_IsSeenByGuestAndTheReverse(int level)
    {
        // Stores V9 to the buffer, and loads V30 from behind it.
        using var machine = new TestMachine(new Arm64Program(
            static a =>
            {
                a.Mov(1, Guest.Buffer);
                a.StoreVector(9, 1);
                a.LoadVector(30, 1, 16);
                a.Tell(1);
            },
            privilegeLevel: level));
        UInt128 loaded = new(0x1111_2222_3333_4444, 0x5555_6666_7777_8888);
        machine.Memory.Write(Guest.Buffer + 16, loaded);
        UInt128[] values = [.. Enumerable.Range(0, Arm64Vcpu.SimdRegisterCount).Select(static i => ((UInt128)(ulong)(i + 1) << 100) | (ulong)i)];
        machine.Vcpu.Arm64.SetSimdRegisters(values);

        machine.NextTold();

        Assert.Equal(values[9], machine.Memory.Read<UInt128>(Guest.Buffer));
        UInt128[] after = new UInt128[values.Length];
        machine.Vcpu.Arm64.GetSimdRegisters(after);
        values[30] = loaded;
        Assert.Equal(values, after);
    }

    [Fact]
    public void FloatingPointControl_SetByHost_IsSeenByGuest()
    {
        // FPCR.FZ; FPSR.QC is told as it is (Arm ARM, C5.2.8 and C5.2.10).
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Mrs(2, Arm64SystemRegister.Fpcr);
            a.Tell(2);
            a.Mrs(2, Arm64SystemRegister.Fpsr);
            a.Tell(2);
        });
        machine.Vcpu.Arm64.SetSystemRegisters(new(Arm64SystemRegister.Fpcr, 1UL << 24), new(Arm64SystemRegister.Fpsr, 1UL << 27));

        Assert.Equal((1UL << 24, 1UL << 27), (machine.NextTold(), machine.NextTold()));
    }

    [Fact]
    public void Registers_OfAnotherArchitecture_AreRefusedInWords()
    {
        using var machine = new TestMachine();

        var refusal = Assert.Throws<NotSupportedException>(() => machine.Vcpu.X64);

        Assert.Contains(nameof(HypervisorCapabilities.Architecture), refusal.Message, StringComparison.Ordinal);
    }
}
