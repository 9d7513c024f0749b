using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Segments, tables and control registers.</summary>
[X64Only("Segments and descriptor tables are x86's; Arm64SystemRegisterTests has system registers.")]
public sealed class SpecialRegisterTests
{
    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Special_SetThenGet_IsTheSame(GuestMode mode)
    {
        GuestProgram program = GuestProgram.Flat(new byte[] { 0xF4 }, mode);
        using var machine = new TestMachine(program);

        X64SpecialRegisters got = machine.Vcpu.X64.GetSpecialRegisters();

        // Hosts keep nothing of a segment that is not usable.
        X64SpecialRegisters expected = program.InitialSpecialRegisters with { ApicBase = got.ApicBase };
        Assert.Equal(expected.Cs, got.Cs);
        Assert.Equal((expected.Ds, expected.Es, expected.Fs, expected.Gs, expected.Ss), (got.Ds, got.Es, got.Fs, got.Gs, got.Ss));
        Assert.Equal(expected.Tr, got.Tr);
        Assert.Equal((expected.Gdt, expected.Idt), (got.Gdt, got.Idt));
        Assert.Equal(
            (expected.Cr0, expected.Cr2, expected.Cr3, expected.Cr4, expected.Cr8, expected.Efer),
            (got.Cr0, got.Cr2, got.Cr3, got.Cr4, got.Cr8, got.Efer));
        machine.Vcpu.X64.SetSpecialRegisters(got);
        Assert.Equal(got, machine.Vcpu.X64.GetSpecialRegisters());
    }

    [Fact]
    public void Special_SetByHost_IsSeenByGuest()
    {
        // Stores CR0, CR2, CR3, CR4, CR8 and the selectors of DS and TR in the buffer, 8 bytes each, then GDTR and IDTR.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.mov(rax, cr0);
            a.mov(__[rdi], rax);
            a.mov(rax, cr2);
            a.mov(__[rdi + 0x08], rax);
            a.mov(rax, cr3);
            a.mov(__[rdi + 0x10], rax);
            a.mov(rax, cr4);
            a.mov(__[rdi + 0x18], rax);
            a.mov(rax, cr8);
            a.mov(__[rdi + 0x20], rax);
            a.xor(eax, eax);
            a.mov(ax, ds);
            a.mov(__[rdi + 0x28], rax);
            a.str(ax);
            a.mov(__[rdi + 0x30], rax);
            a.sgdt(__[rdi + 0x40]);
            a.sidt(__[rdi + 0x50]);
            a.hlt();
        }));
        X64SpecialRegisters set = machine.Vcpu.X64.GetSpecialRegisters() with { Cr2 = 0x1234_5000, Cr8 = 5 };
        machine.Vcpu.X64.SetSpecialRegisters(set);

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(
            [set.Cr0, set.Cr2, set.Cr3, set.Cr4, set.Cr8, set.Ds.Selector, set.Tr.Selector],
            Enumerable.Range(0, 7).Select(i => machine.Memory.Read<ulong>(Guest.Buffer + ((ulong)i * 8))));
        Assert.Equal(set.Gdt.Limit, machine.Memory.Read<ushort>(Guest.Buffer + 0x40));
        Assert.Equal(set.Gdt.Base, machine.Memory.Read<ulong>(Guest.Buffer + 0x42));
        Assert.Equal(set.Idt.Limit, machine.Memory.Read<ushort>(Guest.Buffer + 0x50));
        Assert.Equal(set.Idt.Base, machine.Memory.Read<ulong>(Guest.Buffer + 0x52));
    }

    [Fact]
    public void Special_SetByGuest_IsSeenByHost()
    {
        // Sets CR2, CR8, the monitor bit of CR0, OSFXSR off in CR4, ES, and GDTR.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(eax, 0x4321_0000);
            a.mov(cr2, rax);
            a.mov(eax, 7);
            a.mov(cr8, rax);
            a.mov(rax, cr0);
            a.or(eax, (int)X64Cr0.MonitorCoprocessor);
            a.mov(cr0, rax);
            a.mov(rax, cr4);
            a.and(eax, ~(int)X64Cr4.OsFxsr);
            a.mov(cr4, rax);
            a.mov(eax, GuestSelectors.UserData);
            a.mov(es, ax);
            a.mov(edi, (uint)Guest.Buffer);
            a.lgdt(__[rdi]);
            a.hlt();
        }));
        machine.Memory.Write<ushort>(Guest.Buffer, 0x47);
        machine.Memory.Write(Guest.Buffer + 2, GuestLayout.DefaultGdtAddress);
        X64SpecialRegisters before = machine.Vcpu.X64.GetSpecialRegisters();

        machine.RunOnce(VcpuExitKind.Halt);

        X64SpecialRegisters after = machine.Vcpu.X64.GetSpecialRegisters();
        Assert.Equal((0x4321_0000UL, 7UL), (after.Cr2, after.Cr8));
        Assert.Equal(before.Cr0 | X64Cr0.MonitorCoprocessor, after.Cr0);
        Assert.Equal(before.Cr4 & ~X64Cr4.OsFxsr, after.Cr4);
        Assert.Equal(GuestSelectors.UserData, after.Es.Selector);
        Assert.Equal(3, after.Es.PrivilegeLevel);
        Assert.Equal(new X64DescriptorTable(GuestLayout.DefaultGdtAddress, 0x47), after.Gdt);
    }

    [Fact]
    public void Segment_BaseSetByHost_MovesGuestsAccesses()
    {
        // Reads 4 bytes through FS.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(eax, __.fs[(long)0x10]);
            a.hlt();
        }));
        machine.Memory.Write(Guest.Buffer + 0x10, 0x0102_0304U);
        machine.Vcpu.X64.SetRegisters([X64Register.FsBase], [Guest.Buffer]);

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(0x0102_0304UL, machine.Registers.Rax);
    }
}
