namespace HvSdk.Emulation;

/// <summary>The registers of one emulated vCPU.</summary>
/// <remarks>
/// Outside it speaks the core's records; inside it is laid out for speed. Not for use by several threads at once. A fresh state is that of a
/// processor after reset, but for the segment bases: RIP 0xFFF0 in real mode.
/// </remarks>
public sealed class X64CpuState
{
    /// <summary>Bytes of <see cref="Xsave"/>: the legacy region, the header and the AVX component, with room for what follows them.</summary>
    internal const int XsaveSize = 4096;

    /// <summary>General registers in encoding order; [16] is always 0; [17] is RIP.</summary>
    internal readonly ulong[] Gpr = new ulong[18];

    /// <summary>Segments in encoding order (ES CS SS DS FS GS), then TR and LDTR.</summary>
    internal readonly X64Segment[] Segments = new X64Segment[8];

    internal readonly ulong[] Dr = new ulong[8];
    internal ulong Flags;
    internal X64DescriptorTable Gdt;
    internal X64DescriptorTable Idt;
    internal ulong Cr0;
    internal ulong Cr2;
    internal ulong Cr3;
    internal ulong Cr4;
    internal ulong Cr8;
    internal ulong Efer;
    internal ulong ApicBase;
    internal int Epoch;

    private readonly byte[] _xsave = new byte[XsaveSize];

    /// <summary>Creates the state of a processor after reset.</summary>
    public X64CpuState()
    {
        for (int i = 0; i < 6; i++)
        {
            Segments[i] = X64Segment.RealMode(0, isCode: i == SegmentIndex.Cs);
        }

        Segments[SegmentIndex.Tr] = new() { Type = 0xB, IsPresent = true, Limit = 0xFFFF };
        Segments[SegmentIndex.Ldt] = new() { Type = 2, IsPresent = true, Limit = 0xFFFF };
        Idt = new(0, 0xFFFF);
        Gdt = new(0, 0xFFFF);
        Gpr[RegisterIndex.Rip] = 0xFFF0;
        Flags = X64Flags.Reserved1;
        Cr0 = X64Cr0.ExtensionType | X64Cr0.CacheDisable | X64Cr0.NotWriteThrough;
        Dr[6] = 0xFFFF_0FF0;
        Dr[7] = 0x400;
        Xcr0 = 1;
        VectorLayout.Reset(_xsave);
    }

    /// <summary>Sets the general registers, RIP and RFLAGS.</summary>
    /// <param name="registers">The values; bit 1 of the flags is one whatever is given.</param>
    public void SetRegisters(in X64Registers registers)
    {
        Gpr[RegisterIndex.Rax] = registers.Rax;
        Gpr[RegisterIndex.Rcx] = registers.Rcx;
        Gpr[RegisterIndex.Rdx] = registers.Rdx;
        Gpr[RegisterIndex.Rbx] = registers.Rbx;
        Gpr[RegisterIndex.Rsp] = registers.Rsp;
        Gpr[RegisterIndex.Rbp] = registers.Rbp;
        Gpr[RegisterIndex.Rsi] = registers.Rsi;
        Gpr[RegisterIndex.Rdi] = registers.Rdi;
        Gpr[8] = registers.R8;
        Gpr[9] = registers.R9;
        Gpr[10] = registers.R10;
        Gpr[11] = registers.R11;
        Gpr[12] = registers.R12;
        Gpr[13] = registers.R13;
        Gpr[14] = registers.R14;
        Gpr[15] = registers.R15;
        Gpr[RegisterIndex.Rip] = registers.Rip;
        Flags = (registers.Rflags & FlagBits.Implemented) | X64Flags.Reserved1;
    }

    /// <summary>Gives the general registers, RIP and RFLAGS.</summary>
    /// <param name="registers">The values.</param>
    public void GetRegisters(out X64Registers registers) => registers = new()
    {
        Rax = Gpr[RegisterIndex.Rax],
        Rbx = Gpr[RegisterIndex.Rbx],
        Rcx = Gpr[RegisterIndex.Rcx],
        Rdx = Gpr[RegisterIndex.Rdx],
        Rsi = Gpr[RegisterIndex.Rsi],
        Rdi = Gpr[RegisterIndex.Rdi],
        Rsp = Gpr[RegisterIndex.Rsp],
        Rbp = Gpr[RegisterIndex.Rbp],
        R8 = Gpr[8],
        R9 = Gpr[9],
        R10 = Gpr[10],
        R11 = Gpr[11],
        R12 = Gpr[12],
        R13 = Gpr[13],
        R14 = Gpr[14],
        R15 = Gpr[15],
        Rip = Gpr[RegisterIndex.Rip],
        Rflags = Flags,
    };

    /// <summary>Segments, descriptor tables, control registers, EFER and the APIC base. Setting it makes the emulator forget translations.</summary>
    public X64SpecialRegisters SpecialRegisters
    {
        get => new()
        {
            Es = Segments[SegmentIndex.Es],
            Cs = Segments[SegmentIndex.Cs],
            Ss = Segments[SegmentIndex.Ss],
            Ds = Segments[SegmentIndex.Ds],
            Fs = Segments[SegmentIndex.Fs],
            Gs = Segments[SegmentIndex.Gs],
            Tr = Segments[SegmentIndex.Tr],
            Ldt = Segments[SegmentIndex.Ldt],
            Gdt = Gdt,
            Idt = Idt,
            Cr0 = Cr0,
            Cr2 = Cr2,
            Cr3 = Cr3,
            Cr4 = Cr4,
            Cr8 = Cr8,
            Efer = Efer,
            ApicBase = ApicBase,
        };
        set
        {
            Segments[SegmentIndex.Es] = value.Es;
            Segments[SegmentIndex.Cs] = value.Cs;
            Segments[SegmentIndex.Ss] = value.Ss;
            Segments[SegmentIndex.Ds] = value.Ds;
            Segments[SegmentIndex.Fs] = value.Fs;
            Segments[SegmentIndex.Gs] = value.Gs;
            Segments[SegmentIndex.Tr] = value.Tr;
            Segments[SegmentIndex.Ldt] = value.Ldt;
            Gdt = value.Gdt;
            Idt = value.Idt;
            Cr0 = value.Cr0;
            Cr2 = value.Cr2;
            Cr3 = value.Cr3;
            Cr4 = value.Cr4;
            Cr8 = value.Cr8;
            Efer = value.Efer;
            ApicBase = value.ApicBase;
            Epoch++;
        }
    }

    /// <summary>The guest's debug registers. Of breakpoints, the emulator does single steps and general detect; it does not watch addresses.</summary>
    public X64DebugRegisters DebugRegisters
    {
        get => new() { Dr0 = Dr[0], Dr1 = Dr[1], Dr2 = Dr[2], Dr3 = Dr[3], Dr6 = Dr[6], Dr7 = Dr[7] };
        set
        {
            Dr[0] = value.Dr0;
            Dr[1] = value.Dr1;
            Dr[2] = value.Dr2;
            Dr[3] = value.Dr3;
            Dr[6] = value.Dr6;
            Dr[7] = value.Dr7;
        }
    }

    /// <summary>Extended control register 0: which state components XSAVE handles (Intel SDM vol. 1, 13.3).</summary>
    public ulong Xcr0 { get; set; }

    /// <summary>Live x87, SSE and AVX state in the standard (not compacted) format of XSAVE: legacy region, header at 512, AVX at 576.</summary>
    /// <remarks>Whoever writes here keeps XSTATE_BV (the first eight bytes of the header) right: a component whose bit is clear is in its initial state.</remarks>
    public Span<byte> Xsave => _xsave;

    /// <summary>True where <see cref="Xsave"/> holds the vCPU's state; false makes the emulator ask the machine for it when an instruction needs it.</summary>
    public bool IsVectorStateLoaded { get; set; }

    /// <summary>The emulator changed <see cref="Xsave"/>.</summary>
    public bool IsVectorStateModified => (Modified & X64StateGroups.Vector) != 0;

    /// <summary>Which groups the emulator changed since the caller set this to None. Registers and Events are set by every call of Run that executed something.</summary>
    public X64StateGroups Modified { get; set; }

    /// <summary>External interrupts wait for the next instruction.</summary>
    public X64InterruptShadow InterruptShadow { get; set; }

    /// <summary>Non-maskable interrupts are blocked: one is being handled, until IRET.</summary>
    public bool IsNmiBlocked { get; set; }

    /// <summary>The vCPU waits in HLT. The caller clears it when an interrupt comes.</summary>
    public bool IsHalted { get; set; }
}
