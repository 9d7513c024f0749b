using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Instructions that cases are not made from.</summary>
/// <param name="Hypervisor">Where: the first word of the host's description; empty: everywhere.</param>
/// <param name="Why">The reason.</param>
/// <param name="Mnemonics">The instructions.</param>
internal sealed record Exclusions(string Hypervisor, string Why, params Mnemonic[] Mnemonics)
{
    private const string Pvm = "kvm_pvm";
    private const string Tcg = "kvm_amd@tcg";
    private const string Native = "KVM_PVM runs code of privilege level 3 directly on the host's processor: ";

    /// <summary>The table.</summary>
    public static IReadOnlyList<Exclusions> Table { get; } =
    [
        new("", "What they give is not the case's alone: time, chance, the processor's make.",
            Mnemonic.Rdtsc, Mnemonic.Rdtscp, Mnemonic.Rdpmc, Mnemonic.Rdrand, Mnemonic.Rdseed, Mnemonic.Cpuid, Mnemonic.Rdpid),
        new("", "They stop the processor, or wait.",
            Mnemonic.Hlt, Mnemonic.Mwait, Mnemonic.Monitor, Mnemonic.Wait),
        new("", "How much of them is read before #UD is each processor's own affair.",
            Mnemonic.Ud0, Mnemonic.Ud1),
        new("", "Approximations: each make of processor has its own.",
            Mnemonic.Rcpps, Mnemonic.Rcpss, Mnemonic.Rsqrtps, Mnemonic.Rsqrtss, Mnemonic.Vrcpps, Mnemonic.Vrcpss, Mnemonic.Vrsqrtps, Mnemonic.Vrsqrtss,
            Mnemonic.Fsin, Mnemonic.Fcos, Mnemonic.Fsincos, Mnemonic.Fptan, Mnemonic.Fpatan, Mnemonic.F2xm1, Mnemonic.Fyl2x, Mnemonic.Fyl2xp1),
        new("", "They write the addresses of the last x87 instruction, which makes of processors keep differently.",
            Mnemonic.Fnsave, Mnemonic.Fsave, Mnemonic.Fnstenv, Mnemonic.Fstenv),
        new("", "How much of it is written before a fault, and which bits MXCSR_MASK has, is each processor's own affair.",
            Mnemonic.Fxsave, Mnemonic.Fxsave64, Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xsavec, Mnemonic.Xsavec64,
            Mnemonic.Xsaves, Mnemonic.Xsaves64, Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Xrstors, Mnemonic.Xrstors64),
        new("", "How far they have come when they fault, and which byte the fault names, is each processor's own affair.",
            Mnemonic.Maskmovq, Mnemonic.Maskmovdqu, Mnemonic.Vmaskmovdqu, Mnemonic.Frstor, Mnemonic.Fldenv),
        new("", "Ports are the subject of cases of their own, since a device answers.",
            Mnemonic.In, Mnemonic.Out, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd),
        new("", "System instructions are the subject of cases of their own.",
            Mnemonic.Lgdt, Mnemonic.Lidt, Mnemonic.Lldt, Mnemonic.Ltr, Mnemonic.Rdmsr, Mnemonic.Wrmsr, Mnemonic.Invd, Mnemonic.Wbinvd, Mnemonic.Xsetbv, Mnemonic.Xgetbv,
            Mnemonic.Clts, Mnemonic.Lmsw, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Sysexit, Mnemonic.Sysexitq, Mnemonic.Sysret, Mnemonic.Sysretq,
            Mnemonic.Sysenter, Mnemonic.Syscall, Mnemonic.Int1, Mnemonic.Swapgs, Mnemonic.Rsm, Mnemonic.Xabort, Mnemonic.Xbegin, Mnemonic.Invlpg),
        new(Tcg, "QEMU 7.2 differs from the processor, on which these pass: CF of BLSI, ADCX and ADOX; #GP of WRFSBASE and WRGSBASE; 16 bits of SMSW and STR.",
            Mnemonic.Blsi, Mnemonic.Adcx, Mnemonic.Adox, Mnemonic.Wrfsbase, Mnemonic.Wrgsbase, Mnemonic.Smsw, Mnemonic.Str),
        new(Tcg, "QEMU 7.2 takes the immediate for no part of the instruction where the operand is relative to RIP.",
            Mnemonic.Shld, Mnemonic.Shrd),
        new(Tcg, "QEMU 7.2 raises #UD at these forms, at MOVBE with 16 bits and at VEX in 16-bit code too.",
            Mnemonic.Reservednop, Mnemonic.Movbe),
        new(Tcg, "QEMU 7.2 keeps bits of the control word that the processor does not.",
            Mnemonic.Fldcw),
        new(Tcg, "QEMU 7.2 clears the registers that only 64-bit code has.",
            Mnemonic.Vzeroupper, Mnemonic.Vzeroall),
        new(Tcg, "QEMU 7.2 does not look at the page of these.",
            Mnemonic.Clflush, Mnemonic.Clflushopt, Mnemonic.Clwb),
        new(Tcg, "QEMU 7.2 loses flags that these leave alone.",
            Mnemonic.Cmpxchg16b, Mnemonic.Rcl, Mnemonic.Rcr),
        new(Pvm, Native + "it is the host's kernel that is called.",
            Mnemonic.Syscall, Mnemonic.Sysenter, Mnemonic.Int, Mnemonic.Int1),
        new(Pvm, Native + "selectors are looked up in the host's tables.",
            Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw, Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Lss,
            Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf, Mnemonic.Arpl),
        new(Pvm, Native + "the host's tables and control registers show.",
            Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw),
    ];

    /// <summary>Cases on this hypervisor shall not have the instruction.</summary>
    public static bool Has(OpCodeInfo opCode, MachineMode mode, string hypervisor) =>
        Table.Any(line => (line.Hypervisor.Length == 0 || line.Hypervisor == hypervisor) && line.Mnemonics.Contains(opCode.Mnemonic))
        || HasUndefinedResult(opCode.Code)
        || (hypervisor == Tcg && IsWrongOnTcg(opCode, mode))
        || IsStoreOfMmx(opCode.Code)
        || UsesSegments(opCode)
        || (IsWild(opCode.Code) && !Machine.Of(mode).IsLong)
        || (opCode.MustBeCpl0 && !Machine.Of(mode).IsUser);

    // TEST as F6 /1 and F7 /1 and VEX in 16-bit code are #UD; the immediate of RET has a sign; SGDT and SIDT of 16 bits store 24 bits of the base.
    private static bool IsWrongOnTcg(OpCodeInfo opCode, MachineMode mode) =>
        opCode.Code.ToString().EndsWith("r1", StringComparison.Ordinal)
        || opCode.Code is Code.Retnw_imm16 or Code.Retnd_imm16 or Code.Retnq_imm16 or Code.Sidt_m1632_16 or Code.Sgdt_m1632_16
        || (opCode.Encoding == EncodingKind.VEX && Machine.Of(mode).Bitness == 16);

    // Jumps to wherever a register or memory says. Without pages that are not executable they run data as code, which the rules for flags know nothing of.
    private static bool IsWild(Code code) => code.FlowControl() is FlowControl.IndirectBranch or FlowControl.IndirectCall or FlowControl.Return;

    // SHLD and SHRD of 16 bits by more than 16, BSWAP of 16 bits (SDM vol. 2); MOVSXD to 16 bits reads 32 on AMD and 16 on Intel.
    private static bool HasUndefinedResult(Code code) =>
        code is Code.Shld_rm16_r16_CL or Code.Shrd_rm16_r16_CL or Code.Shld_rm16_r16_imm8 or Code.Shrd_rm16_r16_imm8 or Code.Bswap_r16 or Code.Movsxd_r16_rm16;

    // Whether the x87 stack is reset already when the store faults is each processor's own affair.
    private static bool IsStoreOfMmx(Code code) => code is Code.Movq_mmm64_mm or Code.Movq_rm64_mm or Code.Movd_rm32_mm or Code.Movntq_m64_mm;

    // Segment registers and far transfers: cases of their own.
    private static bool UsesSegments(OpCodeInfo opCode)
    {
        for (int i = 0; i < opCode.OpCount; i++)
        {
            if (opCode.GetOpKind(i) is OpCodeOperandKind.seg_reg or OpCodeOperandKind.es or OpCodeOperandKind.cs or OpCodeOperandKind.ss or OpCodeOperandKind.ds
                or OpCodeOperandKind.fs or OpCodeOperandKind.gs or OpCodeOperandKind.cr_reg or OpCodeOperandKind.dr_reg or OpCodeOperandKind.tr_reg
                or OpCodeOperandKind.farbr2_2 or OpCodeOperandKind.farbr4_2)
            {
                return true;
            }
        }

        return opCode.Code is Code.Call_m1616 or Code.Call_m1632 or Code.Call_m1664 or Code.Jmp_m1616 or Code.Jmp_m1632 or Code.Jmp_m1664;
    }
}
