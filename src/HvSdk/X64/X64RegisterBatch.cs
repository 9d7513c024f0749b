using HvSdk.Backends;

namespace HvSdk;

/// <summary>The by-name form of register access over the bulk form: each group is read, and written where it changed, once.</summary>
internal static class X64RegisterBatch
{
    internal static void Get(X64VcpuBackend vcpu, ReadOnlySpan<X64Register> names, Span<ulong> values)
    {
        (X64Registers general, X64SpecialRegisters special) = Read(vcpu, names);
        for (int i = 0; i < names.Length; i++)
        {
            values[i] = Get(names[i], general, special);
        }
    }

    internal static void Set(X64VcpuBackend vcpu, ReadOnlySpan<X64Register> names, ReadOnlySpan<ulong> values)
    {
        (X64Registers general, X64SpecialRegisters special) = Read(vcpu, names);
        for (int i = 0; i < names.Length; i++)
        {
            Set(names[i], values[i], ref general, ref special);
        }

        if (Names(names, general: true))
        {
            vcpu.SetRegisters(general);
        }

        if (Names(names, general: false))
        {
            vcpu.SetSpecialRegisters(special);
        }
    }

    private static bool Names(ReadOnlySpan<X64Register> names, bool general)
    {
        foreach (X64Register name in names)
        {
            if (name <= X64Register.Rflags == general)
            {
                return true;
            }
        }

        return false;
    }

    private static (X64Registers General, X64SpecialRegisters Special) Read(X64VcpuBackend vcpu, ReadOnlySpan<X64Register> names)
    {
        X64Registers general = default;
        X64SpecialRegisters special = default;
        if (Names(names, general: true))
        {
            vcpu.GetRegisters(out general);
        }

        if (Names(names, general: false))
        {
            vcpu.GetSpecialRegisters(out special);
        }

        return (general, special);
    }

    private static ulong Get(X64Register name, in X64Registers general, in X64SpecialRegisters special) => name switch
    {
        X64Register.Rax => general.Rax,
        X64Register.Rbx => general.Rbx,
        X64Register.Rcx => general.Rcx,
        X64Register.Rdx => general.Rdx,
        X64Register.Rsi => general.Rsi,
        X64Register.Rdi => general.Rdi,
        X64Register.Rsp => general.Rsp,
        X64Register.Rbp => general.Rbp,
        X64Register.R8 => general.R8,
        X64Register.R9 => general.R9,
        X64Register.R10 => general.R10,
        X64Register.R11 => general.R11,
        X64Register.R12 => general.R12,
        X64Register.R13 => general.R13,
        X64Register.R14 => general.R14,
        X64Register.R15 => general.R15,
        X64Register.Rip => general.Rip,
        X64Register.Rflags => general.Rflags,
        X64Register.Cr0 => special.Cr0,
        X64Register.Cr2 => special.Cr2,
        X64Register.Cr3 => special.Cr3,
        X64Register.Cr4 => special.Cr4,
        X64Register.Cr8 => special.Cr8,
        X64Register.Efer => special.Efer,
        X64Register.ApicBase => special.ApicBase,
        X64Register.FsBase => special.Fs.Base,
        X64Register.GsBase => special.Gs.Base,
        _ => throw Unknown(name),
    };

    private static void Set(X64Register name, ulong value, ref X64Registers general, ref X64SpecialRegisters special)
    {
        switch (name)
        {
            case X64Register.Rax: general.Rax = value; break;
            case X64Register.Rbx: general.Rbx = value; break;
            case X64Register.Rcx: general.Rcx = value; break;
            case X64Register.Rdx: general.Rdx = value; break;
            case X64Register.Rsi: general.Rsi = value; break;
            case X64Register.Rdi: general.Rdi = value; break;
            case X64Register.Rsp: general.Rsp = value; break;
            case X64Register.Rbp: general.Rbp = value; break;
            case X64Register.R8: general.R8 = value; break;
            case X64Register.R9: general.R9 = value; break;
            case X64Register.R10: general.R10 = value; break;
            case X64Register.R11: general.R11 = value; break;
            case X64Register.R12: general.R12 = value; break;
            case X64Register.R13: general.R13 = value; break;
            case X64Register.R14: general.R14 = value; break;
            case X64Register.R15: general.R15 = value; break;
            case X64Register.Rip: general.Rip = value; break;
            case X64Register.Rflags: general.Rflags = value; break;
            case X64Register.Cr0: special.Cr0 = value; break;
            case X64Register.Cr2: special.Cr2 = value; break;
            case X64Register.Cr3: special.Cr3 = value; break;
            case X64Register.Cr4: special.Cr4 = value; break;
            case X64Register.Cr8: special.Cr8 = value; break;
            case X64Register.Efer: special.Efer = value; break;
            case X64Register.ApicBase: special.ApicBase = value; break;
            case X64Register.FsBase: special.Fs = special.Fs with { Base = value }; break;
            case X64Register.GsBase: special.Gs = special.Gs with { Base = value }; break;
            default: throw Unknown(name);
        }
    }

    private static ArgumentOutOfRangeException Unknown(X64Register name) =>
        new(nameof(name), name, $"{name} is not a member of {nameof(X64Register)}.");
}
