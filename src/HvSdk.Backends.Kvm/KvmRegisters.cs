using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Between the register structures of the core and those of the kernel.</summary>
internal static class KvmRegisters
{
    internal static X64Registers FromNative(in kvm_regs regs) => new()
    {
        Rax = regs.rax,
        Rbx = regs.rbx,
        Rcx = regs.rcx,
        Rdx = regs.rdx,
        Rsi = regs.rsi,
        Rdi = regs.rdi,
        Rsp = regs.rsp,
        Rbp = regs.rbp,
        R8 = regs.r8,
        R9 = regs.r9,
        R10 = regs.r10,
        R11 = regs.r11,
        R12 = regs.r12,
        R13 = regs.r13,
        R14 = regs.r14,
        R15 = regs.r15,
        Rip = regs.rip,
        Rflags = regs.rflags,
    };

    internal static kvm_regs ToNative(in X64Registers regs) => new()
    {
        rax = regs.Rax,
        rbx = regs.Rbx,
        rcx = regs.Rcx,
        rdx = regs.Rdx,
        rsi = regs.Rsi,
        rdi = regs.Rdi,
        rsp = regs.Rsp,
        rbp = regs.Rbp,
        r8 = regs.R8,
        r9 = regs.R9,
        r10 = regs.R10,
        r11 = regs.R11,
        r12 = regs.R12,
        r13 = regs.R13,
        r14 = regs.R14,
        r15 = regs.R15,
        rip = regs.Rip,
        rflags = regs.Rflags,
    };

    internal static X64SpecialRegisters FromNative(in kvm_sregs sregs) => new()
    {
        Cs = FromNative(sregs.cs),
        Ds = FromNative(sregs.ds),
        Es = FromNative(sregs.es),
        Fs = FromNative(sregs.fs),
        Gs = FromNative(sregs.gs),
        Ss = FromNative(sregs.ss),
        Tr = FromNative(sregs.tr),
        Ldt = FromNative(sregs.ldt),
        Gdt = new X64DescriptorTable(sregs.gdt.@base, sregs.gdt.limit),
        Idt = new X64DescriptorTable(sregs.idt.@base, sregs.idt.limit),
        Cr0 = sregs.cr0,
        Cr2 = sregs.cr2,
        Cr3 = sregs.cr3,
        Cr4 = sregs.cr4,
        Cr8 = sregs.cr8,
        Efer = sregs.efer,
        ApicBase = sregs.apic_base,
    };

    /// <summary>The structure to set; what the core does not name is taken from the current one.</summary>
    internal static kvm_sregs ToNative(in X64SpecialRegisters registers, in kvm_sregs current)
    {
        kvm_sregs sregs = current;
        sregs.cs = ToNative(registers.Cs);
        sregs.ds = ToNative(registers.Ds);
        sregs.es = ToNative(registers.Es);
        sregs.fs = ToNative(registers.Fs);
        sregs.gs = ToNative(registers.Gs);
        sregs.ss = ToNative(registers.Ss);
        sregs.tr = ToNative(registers.Tr);
        sregs.ldt = ToNative(registers.Ldt);
        sregs.gdt = new kvm_dtable { @base = registers.Gdt.Base, limit = registers.Gdt.Limit };
        sregs.idt = new kvm_dtable { @base = registers.Idt.Base, limit = registers.Idt.Limit };
        sregs.cr0 = registers.Cr0;
        sregs.cr2 = registers.Cr2;
        sregs.cr3 = registers.Cr3;
        sregs.cr4 = registers.Cr4;
        sregs.cr8 = registers.Cr8;
        sregs.efer = registers.Efer;
        sregs.apic_base = registers.ApicBase;
        return sregs;
    }

    internal static X64DebugRegisters FromNative(in kvm_debugregs native) => new()
    {
        Dr0 = native.db[0],
        Dr1 = native.db[1],
        Dr2 = native.db[2],
        Dr3 = native.db[3],
        Dr6 = native.dr6,
        Dr7 = native.dr7,
    };

    internal static kvm_debugregs ToNative(in X64DebugRegisters registers)
    {
        kvm_debugregs native = new() { dr6 = registers.Dr6, dr7 = registers.Dr7 };
        native.db[0] = registers.Dr0;
        native.db[1] = registers.Dr1;
        native.db[2] = registers.Dr2;
        native.db[3] = registers.Dr3;
        return native;
    }

    private static X64Segment FromNative(in kvm_segment segment) => new()
    {
        Base = segment.@base,
        Limit = segment.limit,
        Selector = segment.selector,
        Type = segment.type,
        PrivilegeLevel = segment.dpl,
        IsCodeOrData = segment.s != 0,
        IsPresent = segment.present != 0,
        IsAvailable = segment.avl != 0,
        IsLong = segment.l != 0,
        IsDefault32 = segment.db != 0,
        IsGranular = segment.g != 0,
        IsUnusable = segment.unusable != 0,
    };

    private static kvm_segment ToNative(in X64Segment segment) => new()
    {
        @base = segment.Base,
        limit = segment.Limit,
        selector = segment.Selector,
        type = segment.Type,
        dpl = segment.PrivilegeLevel,
        s = KvmBits.From(segment.IsCodeOrData),
        present = KvmBits.From(segment.IsPresent),
        avl = KvmBits.From(segment.IsAvailable),
        l = KvmBits.From(segment.IsLong),
        db = KvmBits.From(segment.IsDefault32),
        g = KvmBits.From(segment.IsGranular),
        unusable = KvmBits.From(segment.IsUnusable),
    };
}
