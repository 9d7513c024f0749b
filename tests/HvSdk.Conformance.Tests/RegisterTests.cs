using HvSdk.Live;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>General registers and debug registers: what is set is read back, the guest sees it, and what the guest sets is seen.</summary>
[X64Only("The registers are x86's; Arm64RegisterTests has AArch64's.")]
public sealed class RegisterTests
{
    private static readonly AssemblerRegister64[] s_general = [rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15];

    private static readonly X64Register[] s_names =
    [
        X64Register.Rax, X64Register.Rbx, X64Register.Rcx, X64Register.Rdx, X64Register.Rsi, X64Register.Rdi, X64Register.Rsp, X64Register.Rbp,
        X64Register.R8, X64Register.R9, X64Register.R10, X64Register.R11, X64Register.R12, X64Register.R13, X64Register.R14, X64Register.R15,
    ];

    [Fact]
    public void General_SetThenGet_IsTheSame()
    {
        using var machine = new TestMachine(Guest.Long(0, static a => a.hlt()));
        X64Registers set = Distinct(machine.Registers, X64Flags.Reserved1 | X64Flags.Carry | X64Flags.Zero | X64Flags.Direction | X64Flags.Overflow);

        machine.Registers = set;

        Assert.Equal(set, machine.Registers);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void General_SetByHost_AreSeenByGuest(int level)
    {
        // Stores all general registers in the buffer, 8 bytes each.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            for (int i = 0; i < s_general.Length; i++)
            {
                a.mov(__[(long)Guest.Buffer + (i * 8)], s_general[i]);
            }

            a.Done();
        }));
        X64Registers set = Distinct(machine.Registers, machine.Registers.Rflags);
        machine.Registers = set;

        machine.RunOnce(VcpuExitKind.PortWrite);

        ulong[] expected = new ulong[s_names.Length];
        machine.Registers = set;
        machine.Vcpu.X64.GetRegisters(s_names, expected);
        Assert.Equal(expected, Enumerable.Range(0, s_names.Length).Select(i => machine.Memory.Read<ulong>(Guest.Buffer + ((ulong)i * 8))));
    }

    [Fact]
    public void Flags_SetByHost_AreSeenByGuest() => FlagsSetByHost(0);

    [Fact]
    public void Flags_SetByHost_AreSeenByGuestAtCpl3() => Divergences.Check("pushf-at-cpl3", static () => FlagsSetByHost(3));

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void General_SetByGuest_AreSeenByHost(int level)
    {
        // Loads a number of its own into each register.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            for (int i = 0; i < s_general.Length; i++)
            {
                a.mov(s_general[i], Number(i));
            }

            a.stc();
            a.Done();
        }));

        machine.RunOnce(VcpuExitKind.PortWrite);

        ulong[] values = new ulong[s_names.Length];
        machine.Vcpu.X64.GetRegisters(s_names, values);
        Assert.Equal(Enumerable.Range(0, s_names.Length).Select(Number), values);
        Assert.Equal(X64Flags.Carry, machine.Registers.Rflags & X64Flags.Carry);
    }

    [Fact]
    public void ByName_SetSome_ChangesThoseAlone()
    {
        using var machine = new TestMachine(Guest.Long(0, static a => a.hlt()));
        X64Vcpu vcpu = machine.Vcpu.X64;
        X64Registers general = vcpu.GetRegisters();
        X64SpecialRegisters special = vcpu.GetSpecialRegisters();

        X64Register[] names = [X64Register.R15, X64Register.Cr2, X64Register.Rbx, X64Register.FsBase, X64Register.GsBase];
        ulong[] set = [0x1515, 0x2222_0000, 0xBBBB, 0x0000_7FFF_1234_5678, 0xFFFF_8000_1234_5678];
        vcpu.SetRegisters(names, set);

        ulong[] got = new ulong[names.Length];
        vcpu.GetRegisters(names, got);
        Assert.Equal(set, got);
        Assert.Equal(general with { R15 = 0x1515, Rbx = 0xBBBB }, vcpu.GetRegisters());
        Assert.Equal(
            special with
            {
                Cr2 = 0x2222_0000,
                Fs = special.Fs with { Base = 0x0000_7FFF_1234_5678 },
                Gs = special.Gs with { Base = 0xFFFF_8000_1234_5678 },
            },
            vcpu.GetSpecialRegisters());
    }

    [Fact]
    public void ByName_All_AreThoseOfTheBulkForm()
    {
        using var machine = new TestMachine(Guest.Long(0, static a => a.hlt()));
        X64Vcpu vcpu = machine.Vcpu.X64;
        machine.Registers = Distinct(machine.Registers, X64Flags.Reserved1);
        X64Registers general = vcpu.GetRegisters();
        X64SpecialRegisters special = vcpu.GetSpecialRegisters();

        X64Register[] names = Enum.GetValues<X64Register>();
        ulong[] values = new ulong[names.Length];
        vcpu.GetRegisters(names, values);

        ulong[] expected =
        [
            general.Rax, general.Rbx, general.Rcx, general.Rdx, general.Rsi, general.Rdi, general.Rsp, general.Rbp,
            general.R8, general.R9, general.R10, general.R11, general.R12, general.R13, general.R14, general.R15, general.Rip, general.Rflags,
            special.Cr0, special.Cr2, special.Cr3, special.Cr4, special.Cr8, special.Efer, special.ApicBase, special.Fs.Base, special.Gs.Base,
        ];
        Assert.Equal(expected, values);
    }

    [Fact]
    public void Debug_SetByHost_IsReadBackAndSeenByGuest()
    {
        // Stores DR0 to DR3 and DR7 in the buffer.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            AssemblerRegisterDR[] debug = [dr0, dr1, dr2, dr3, dr7];
            for (int i = 0; i < debug.Length; i++)
            {
                a.mov(rax, debug[i]);
                a.mov(__[(long)Guest.Buffer + (i * 8)], rax);
            }

            a.hlt();
        }));

        // Breakpoints at addresses that are never executed; 0 and 3 are enabled for everybody.
        X64DebugRegisters set = new() { Dr0 = 0x10_0000, Dr1 = 0x10_1111, Dr2 = 0x10_2222, Dr3 = 0x10_3333, Dr6 = 0xFFFF_0FF0, Dr7 = 0x0000_0482 };
        machine.Vcpu.X64.SetDebugRegisters(set);
        Assert.Equal(set, machine.Vcpu.X64.GetDebugRegisters());

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(
            [set.Dr0, set.Dr1, set.Dr2, set.Dr3, set.Dr7],
            Enumerable.Range(0, 5).Select(i => machine.Memory.Read<ulong>(Guest.Buffer + ((ulong)i * 8))));
    }

    [Fact]
    public void Debug_SetByGuest_IsSeenByHost()
    {
        // Sets DR0 and DR3, and enables both.
        using var machine = new TestMachine(Guest.Long(0, a =>
        {
            a.mov(eax, 0x10_0000);
            a.mov(dr0, rax);
            a.mov(eax, 0x10_3333);
            a.mov(dr3, rax);
            a.mov(eax, 0x0482);
            a.mov(dr7, rax);
            a.hlt();
        }));

        machine.RunOnce(VcpuExitKind.Halt);

        X64DebugRegisters registers = machine.Vcpu.X64.GetDebugRegisters();
        Assert.Equal((0x10_0000UL, 0x10_3333UL, 0x0482UL), (registers.Dr0, registers.Dr3, registers.Dr7));
    }

    private static void FlagsSetByHost(int level)
    {
        // Stores the flags below the top of the stack.
        using var machine = new TestMachine(Guest.Long(level, static a =>
        {
            a.pushfq();
            a.Done();
        }));
        ulong flags = machine.Registers.Rflags | X64Flags.Carry | X64Flags.Zero | X64Flags.Direction | X64Flags.Overflow;
        machine.Registers = machine.Registers with { Rflags = flags };

        machine.RunOnce(VcpuExitKind.PortWrite);

        ulong seen = machine.Memory.Read<ulong>(HvSdk.Testing.GuestLayout.DefaultStackTop - 8);
        Assert.True(seen == flags, $"PUSHF differs in 0x{seen ^ flags:X}");
    }

    private static ulong Number(int i) => 0x0101_0101_0101_0101UL * (ulong)(i + 1);

    /// <summary>All general registers with values of their own; RIP stays.</summary>
    private static X64Registers Distinct(X64Registers now, ulong flags) => now with
    {
        Rax = Number(0),
        Rbx = Number(1),
        Rcx = Number(2),
        Rdx = Number(3),
        Rsi = Number(4),
        Rdi = Number(5),
        Rsp = Number(6),
        Rbp = Number(7),
        R8 = Number(8),
        R9 = Number(9),
        R10 = Number(10),
        R11 = Number(11),
        R12 = Number(12),
        R13 = Number(13),
        R14 = Number(14),
        R15 = Number(15),
        Rflags = flags,
    };
}
