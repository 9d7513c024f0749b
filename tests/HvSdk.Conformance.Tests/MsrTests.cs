using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Model-specific registers that the host keeps: what is set is read back, the guest sees it, and what the guest sets is seen.</summary>
[X64Only("MSRs are x86's; Arm64SystemRegisterTests has system registers.")]
public sealed class MsrTests
{
    public static TheoryData<uint, ulong> Registers => new()
    {
        { X64MsrIndex.SysenterCs, 0x10 },
        { X64MsrIndex.SysenterEsp, 0x7234_5678 }, // 32 bits on AMD processors
        { X64MsrIndex.SysenterEip, 0x7765_4321 },
        { X64MsrIndex.Pat, 0x0007_0406_0007_0406 },
        { X64MsrIndex.Star, 0x0013_0008_0000_0000 },
        { X64MsrIndex.Lstar, 0xFFFF_8000_1234_5678 },
        { X64MsrIndex.Fmask, 0x4_7700 },
        { X64MsrIndex.FsBase, 0x0000_7FFF_1234_5000 },
        { X64MsrIndex.GsBase, 0xFFFF_8000_1234_5000 },
        { X64MsrIndex.KernelGsBase, 0xFFFF_8000_ABCD_E000 },
    };

    [Theory]
    [MemberData(nameof(Registers))]
    public void Msr_SetByHost_IsReadBackAndSeenByGuest(uint index, ulong value)
    {
        // Reads the register into RDX:RAX.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(ecx, index);
            a.rdmsr();
            a.hlt();
        }));
        machine.Vcpu.X64.SetMsr(index, value);
        Assert.Equal(value, machine.Vcpu.X64.GetMsr(index));

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(value, (machine.Registers.Rdx << 32) | machine.Registers.Rax);
    }

    [Theory]
    [MemberData(nameof(Registers))]
    public void Msr_SetByGuest_IsSeenByHost(uint index, ulong value)
    {
        // Writes the register.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(ecx, index);
            a.mov(eax, (uint)value);
            a.mov(edx, (uint)(value >> 32));
            a.wrmsr();
            a.hlt();
        }));

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(value, machine.Vcpu.X64.GetMsr(index));
    }

    [Fact]
    public void Msrs_ManyAtOnce_AreSetAndRead()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.hlt()));
        X64MsrValue[] set = [.. Registers.Select(static row => new X64MsrValue(row.Data.Item1, row.Data.Item2))];

        machine.Vcpu.X64.SetMsrs(set);

        ulong[] values = new ulong[set.Length];
        machine.Vcpu.X64.GetMsrs([.. set.Select(static msr => msr.Index)], values);
        Assert.Equal(set.Select(static msr => msr.Value), values);
    }

    [Fact]
    public void Msr_UnknownToHost_IsRefusedByIndex()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.hlt()));

        HypervisorException get = Assert.Throws<HypervisorException>(() => machine.Vcpu.X64.GetMsr(0x1234_5678));
        HypervisorException set = Assert.Throws<HypervisorException>(
            () => machine.Vcpu.X64.SetMsrs(new X64MsrValue(X64MsrIndex.SysenterCs, 0x20), new X64MsrValue(0x1234_5678, 1)));

        Assert.Contains("0x12345678", get.Message, StringComparison.Ordinal);
        Assert.Contains("0x12345678", set.Message, StringComparison.Ordinal);
        Assert.Equal(0x20UL, machine.Vcpu.X64.GetMsr(X64MsrIndex.SysenterCs));
    }

    [Fact]
    public void MsrIndexes_OfHost_CanAllBeRead()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.hlt()));
        IReadOnlyList<uint> indexes = machine.Hypervisor.X64.GetMsrIndexes();

        Assert.Contains(X64MsrIndex.Star, indexes);
        machine.Vcpu.X64.GetMsrs([.. indexes], new ulong[indexes.Count]);
    }
}
