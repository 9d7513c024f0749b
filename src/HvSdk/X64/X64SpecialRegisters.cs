namespace HvSdk;

/// <summary>Segment, descriptor-table and control registers of an x86-64 vCPU, with EFER and the APIC base.</summary>
/// <remarks>Read and written as a whole through <see cref="X64Vcpu.GetSpecialRegisters"/> and <see cref="X64Vcpu.SetSpecialRegisters"/>.</remarks>
public record struct X64SpecialRegisters
{
    /// <summary>Code segment.</summary>
    public X64Segment Cs { get; set; }

    /// <summary>Data segment.</summary>
    public X64Segment Ds { get; set; }

    /// <summary>Extra segment.</summary>
    public X64Segment Es { get; set; }

    /// <summary>FS; in 64-bit mode its base is all that counts.</summary>
    public X64Segment Fs { get; set; }

    /// <summary>GS; in 64-bit mode its base is all that counts.</summary>
    public X64Segment Gs { get; set; }

    /// <summary>Stack segment.</summary>
    public X64Segment Ss { get; set; }

    /// <summary>Task register.</summary>
    public X64Segment Tr { get; set; }

    /// <summary>Local descriptor table register.</summary>
    public X64Segment Ldt { get; set; }

    /// <summary>Global descriptor table.</summary>
    public X64DescriptorTable Gdt { get; set; }

    /// <summary>Interrupt descriptor table.</summary>
    public X64DescriptorTable Idt { get; set; }

    /// <summary>CR0 (<see cref="X64Cr0"/>).</summary>
    public ulong Cr0 { get; set; }

    /// <summary>CR2: the address of the last page fault.</summary>
    public ulong Cr2 { get; set; }

    /// <summary>CR3: the root of the page tables.</summary>
    public ulong Cr3 { get; set; }

    /// <summary>CR4 (<see cref="X64Cr4"/>).</summary>
    public ulong Cr4 { get; set; }

    /// <summary>CR8: the task priority, 0 to 15.</summary>
    public ulong Cr8 { get; set; }

    /// <summary>IA32_EFER (<see cref="X64Efer"/>).</summary>
    public ulong Efer { get; set; }

    /// <summary>IA32_APIC_BASE, MSR 0x1B (Intel SDM vol. 3A, 11.4.4).</summary>
    public ulong ApicBase { get; set; }
}
