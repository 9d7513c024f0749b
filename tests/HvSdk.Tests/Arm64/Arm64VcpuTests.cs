using System.Text.Json;
using HvSdk.Testing;

namespace HvSdk.Tests.Arm64;

public sealed class Arm64VcpuTests
{
    private static readonly Arm64Register[] s_all = Enum.GetValues<Arm64Register>();

    [Fact]
    public void Batch_AllNames_RoundTripEachToItsOwnPlace()
    {
        using ScriptedMachine machine = Machine();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        ulong[] values = [.. s_all.Select(static name => 0x1000UL + (ulong)name)];
        vcpu.Arm64.SetRegisters(s_all, values);
        ulong[] read = new ulong[values.Length];
        vcpu.Arm64.GetRegisters(s_all, read);
        Assert.Equal(values, read);
        Arm64Registers registers = vcpu.Arm64.GetRegisters();
        Assert.All(Enumerable.Range(0, Arm64Registers.Count), i => Assert.Equal(0x1000UL + (ulong)i, registers[i]));
        Assert.Equal((0x101FUL, 0x1020UL), (registers.Pc, registers.Pstate));
    }

    [Fact]
    public void Registers_Equality_LooksAtAllOfThem()
    {
        Arm64Registers one = new() { Pc = 1, [30] = 7 };
        Arm64Registers other = one;
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        other[30] = 8;
        Assert.NotEqual(one, other);
        Assert.Throws<IndexOutOfRangeException>(() => one[31]);
    }

    [Fact]
    public void Registers_AsJson_AreTheSame()
    {
        Arm64Registers registers = new() { Pc = 1, Pstate = Arm64Pstate.El1h, [0] = ulong.MaxValue, [30] = 7 };
        var value = new Arm64SystemRegisterValue(Arm64SystemRegister.TpidrEl1, 5);

        Assert.Equal(registers, JsonSerializer.Deserialize<Arm64Registers>(JsonSerializer.Serialize(registers)));
        Assert.Equal(value, JsonSerializer.Deserialize<Arm64SystemRegisterValue>(JsonSerializer.Serialize(value)));
        Assert.Equal("Arm64Registers { Pc = 0x1, Pstate = 0x5, X0 = 0xFFFFFFFFFFFFFFFF, X30 = 0x7 }", registers.ToString());
        Assert.Contains("31 values, and 3", Assert.Throws<ArgumentException>(() => new Arm64Registers { General = new ulong[3] }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vcpu_OtherArchitecture_IsRefusedByName()
    {
        using ScriptedMachine machine = Machine();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Contains("architecture is Arm64", Assert.Throws<NotSupportedException>(() => vcpu.X64).Message, StringComparison.Ordinal);
        Assert.Contains("runs Arm64 guests", Assert.Throws<NotSupportedException>(() => machine.Hypervisor.X64).Message, StringComparison.Ordinal);
        Assert.Equal(24_000_000, machine.Hypervisor.Arm64.CounterFrequency);
        Assert.NotEmpty(machine.Hypervisor.Arm64.GetFeatureRegisters());
        Assert.Contains(Arm64SystemRegister.SctlrEl1, machine.Hypervisor.Arm64.GetStateRegisters());
        using ScriptedMachine x64 = new();
        using Vcpu x64Vcpu = x64.Partition.CreateVcpu(0);
        Assert.Throws<NotSupportedException>(() => x64Vcpu.Arm64);
        Assert.Throws<NotSupportedException>(() => x64.Hypervisor.Arm64);
    }

    [Fact]
    public void Registers_WrongUse_IsRefused()
    {
        using ScriptedMachine machine = Machine(InterruptControllerMode.None);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Arm64Vcpu arm64 = vcpu.Arm64;
        Assert.Contains("1 registers and 2 values", Assert.Throws<ArgumentException>(() => arm64.GetRegisters([Arm64Register.X0], new ulong[2])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => arm64.GetSystemRegisters([Arm64SystemRegister.SctlrEl1], new ulong[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => arm64.GetRegisters([(Arm64Register)33], new ulong[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => arm64.SetRegisters([(Arm64Register)(-1)], [1]));
        Assert.Contains("32 SIMD registers, and 31 values", Assert.Throws<ArgumentException>(() => arm64.SetSimdRegisters(new UInt128[31])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => arm64.PowerState = (Arm64PowerState)9);
        Assert.Throws<ArgumentOutOfRangeException>(() => arm64.SetInterruptInput((Arm64InterruptInput)2, true));
        Assert.Contains("16 to 31, and this is 32", Assert.Throws<ArgumentOutOfRangeException>(() => arm64.SetPrivateInterrupt(32, true)).Message, StringComparison.Ordinal);
        Assert.Contains("Use SetInterruptInput", Assert.Throws<InvalidOperationException>(() => arm64.SetPrivateInterrupt(27, true)).Message, StringComparison.Ordinal);
        Assert.Contains("S3_0_C15_C2_1", Assert.Throws<HypervisorException>(() => arm64.GetSystemRegister(Arm64SystemRegister.Create(3, 0, 15, 2, 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupts_InputsAndPrivateOnes_ReachTheHost()
    {
        using ScriptedMachine machine = Machine(InterruptControllerMode.None);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, true);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, false);
        Assert.Equal([(Arm64InterruptInput.Fiq, true), (Arm64InterruptInput.Fiq, false)], machine.Script.InputChanges);
        using ScriptedMachine full = Machine(InterruptControllerMode.Full);
        using Vcpu other = full.Partition.CreateVcpu(0);
        other.Arm64.SetPrivateInterrupt(27, true);
        Assert.Equal([(27, true)], full.Script.PrivateInterruptChanges);
        Assert.Throws<InvalidOperationException>(() => other.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true));
    }

    [Fact]
    public void State_SavedAndLoaded_IsTheSame()
    {
        using ScriptedMachine machine = Machine(InterruptControllerMode.Full);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.Arm64.SetRegisters(new Arm64Registers { Pc = 0x4000_0000, [0] = 5 });
        vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.SctlrEl1, 7);
        UInt128[] simd = [.. Enumerable.Range(0, 32).Select(static i => (UInt128)i << 100)];
        vcpu.Arm64.SetSimdRegisters(simd);
        vcpu.Arm64.VirtualCounterOffset = 9;
        vcpu.Arm64.IsVirtualTimerMasked = true;
        Arm64VcpuState state = vcpu.Arm64.SaveState();
        using ScriptedMachine second = Machine(InterruptControllerMode.Full);
        using Vcpu copy = second.Partition.CreateVcpu(0);
        copy.Arm64.LoadState(state);
        UInt128[] read = new UInt128[32];
        copy.Arm64.GetSimdRegisters(read);
        Assert.Equal(simd, read);
        Assert.Equal(vcpu.Arm64.GetRegisters(), copy.Arm64.GetRegisters());
        Assert.Equal((7UL, 9UL, true, Arm64PowerState.On), (
            copy.Arm64.GetSystemRegister(Arm64SystemRegister.SctlrEl1), copy.Arm64.VirtualCounterOffset, copy.Arm64.IsVirtualTimerMasked, copy.Arm64.PowerState));
        Assert.Equal(Timeout.InfiniteTimeSpan, copy.Arm64.GetVirtualTimerDelay());
        Assert.Throws<ArgumentException>(() => copy.Arm64.LoadState(state with { Simd = [] }));
        Assert.Contains("holds no GIC redistributor", Assert.Throws<ArgumentException>(() => copy.Arm64.LoadState(state with { Redistributor = null })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_TimerOfTheGuest_EndsTheRun()
    {
        using ScriptedMachine machine = Machine();
        machine.Script.Timer();
        Assert.Equal("Timer", machine.RunToEnd());
    }

    [Theory]
    [InlineData(0b0101, 0x200)] // EL1h
    [InlineData(0b0100, 0x000)] // EL1t
    [InlineData(0b0000, 0x400)] // EL0
    [InlineData(0b1_0000, 0x600)] // AArch32 user
    public void InjectUndefined_EachMode_EntersItsVector(ulong mode, ulong offset)
    {
        using ScriptedMachine machine = Machine();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.Arm64.SetSystemRegisters(new(Arm64SystemRegister.VbarEl1, 0xFFFF_0000_0000_0800), new(Arm64SystemRegister.SctlrEl1, 1UL << 23));
        ulong before = Arm64Pstate.Carry | Arm64Pstate.SoftwareStep | mode;
        vcpu.Arm64.SetRegisters(new Arm64Registers { Pc = 0x1234, Pstate = before, [3] = 9 });
        vcpu.Arm64.InjectUndefined();
        Arm64Registers after = vcpu.Arm64.GetRegisters();
        Assert.Equal((0xFFFF_0000_0000_0800 + offset, Arm64Pstate.Carry | Arm64Pstate.AllMasked | Arm64Pstate.El1h, 9UL), (after.Pc, after.Pstate, after[3]));
        Assert.Equal((0x1234UL, before, 1UL << 25), (
            vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.ElrEl1), vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.SpsrEl1),
            vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1)));
    }

    internal static ScriptedMachine Machine(InterruptControllerMode mode = InterruptControllerMode.None) =>
        new(new() { InterruptController = mode }, static backend => backend.Capabilities = backend.Capabilities with { Architecture = GuestArchitecture.Arm64 });
}
