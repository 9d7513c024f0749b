using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends.Whp.Interop;

// What WHvRunVirtualProcessor tells of an exit (winhvplatformdefs.h, mingw-w64 10.0.0).

/// <summary>The exit block. The header aligns it to 16 bytes, which C# cannot say: it lives in <see cref="WhvScratch"/> alone.</summary>
[StructLayout(LayoutKind.Explicit, Size = 224)]
internal struct WHV_RUN_VP_EXIT_CONTEXT
{
    /// <summary>Where the union begins.</summary>
    internal const int UnionOffset = 48;

    /// <summary>Bytes of the union.</summary>
    internal const int UnionSize = 176;

    [FieldOffset(0)] public WHV_RUN_VP_EXIT_REASON ExitReason;
    [FieldOffset(8)] public WHV_VP_EXIT_CONTEXT VpContext;
    [FieldOffset(UnionOffset)] public WHV_MEMORY_ACCESS_CONTEXT MemoryAccess;
    [FieldOffset(UnionOffset)] public WHV_X64_IO_PORT_ACCESS_CONTEXT IoPortAccess;
    [FieldOffset(UnionOffset)] public WHV_X64_MSR_ACCESS_CONTEXT MsrAccess;
    [FieldOffset(UnionOffset)] public WHV_X64_CPUID_ACCESS_CONTEXT CpuidAccess;
    [FieldOffset(UnionOffset)] public WHV_VP_EXCEPTION_CONTEXT VpException;
    [FieldOffset(UnionOffset)] public WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT InterruptWindow;
    [FieldOffset(UnionOffset)] public WHV_X64_UNSUPPORTED_FEATURE_CONTEXT UnsupportedFeature;
    [FieldOffset(UnionOffset)] public WHV_X64_APIC_EOI_CONTEXT ApicEoi;
    [FieldOffset(UnionOffset)] public WHV_HYPERCALL_CONTEXT Hypercall;
}

[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct WHV_VP_EXIT_CONTEXT
{
    [FieldOffset(0)] public WHV_X64_VP_EXECUTION_STATE ExecutionState;
    [FieldOffset(2)] public byte LengthAndCr8;
    [FieldOffset(8)] public WHV_X64_SEGMENT_REGISTER Cs;
    [FieldOffset(24)] public ulong Rip;
    [FieldOffset(32)] public ulong Rflags;

    public uint InstructionLength { readonly get => WhvBits.Get(LengthAndCr8, 0, 4); set => LengthAndCr8 = (byte)WhvBits.Set(LengthAndCr8, 0, 4, value); }

    public uint Cr8 { readonly get => WhvBits.Get(LengthAndCr8, 4, 4); set => LengthAndCr8 = (byte)WhvBits.Set(LengthAndCr8, 4, 4, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 2)]
internal struct WHV_X64_VP_EXECUTION_STATE
{
    [FieldOffset(0)] public ushort AsUINT16;

    public uint Cpl { readonly get => WhvBits.Get(AsUINT16, 0, 2); set => AsUINT16 = WhvBits.Set(AsUINT16, 0, 2, value); }

    public uint Cr0Pe { readonly get => WhvBits.Get(AsUINT16, 2, 1); set => AsUINT16 = WhvBits.Set(AsUINT16, 2, 1, value); }

    public uint EferLma { readonly get => WhvBits.Get(AsUINT16, 4, 1); set => AsUINT16 = WhvBits.Set(AsUINT16, 4, 1, value); }

    public uint InterruptionPending { readonly get => WhvBits.Get(AsUINT16, 6, 1); set => AsUINT16 = WhvBits.Set(AsUINT16, 6, 1, value); }

    public uint InterruptShadow { readonly get => WhvBits.Get(AsUINT16, 12, 1); set => AsUINT16 = WhvBits.Set(AsUINT16, 12, 1, value); }
}

/// <summary>Up to 16 bytes of the instruction that left.</summary>
[InlineArray(16)]
internal struct InstructionBytes16
{
    private byte _first;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_MEMORY_ACCESS_INFO
{
    [FieldOffset(0)] public uint AsUINT32;

    public uint AccessType { readonly get => WhvBits.Get(AsUINT32, 0, 2); set => AsUINT32 = WhvBits.Set(AsUINT32, 0, 2, value); }

    public uint GpaUnmapped { readonly get => WhvBits.Get(AsUINT32, 2, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 2, 1, value); }

    public uint GvaValid { readonly get => WhvBits.Get(AsUINT32, 3, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 3, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct WHV_MEMORY_ACCESS_CONTEXT
{
    [FieldOffset(0)] public byte InstructionByteCount;
    [FieldOffset(4)] public InstructionBytes16 InstructionBytes;
    [FieldOffset(20)] public WHV_MEMORY_ACCESS_INFO AccessInfo;
    [FieldOffset(24)] public ulong Gpa;
    [FieldOffset(32)] public ulong Gva;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_X64_IO_PORT_ACCESS_INFO
{
    [FieldOffset(0)] public uint AsUINT32;

    public uint IsWrite { readonly get => WhvBits.Get(AsUINT32, 0, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 0, 1, value); }

    public uint AccessSize { readonly get => WhvBits.Get(AsUINT32, 1, 3); set => AsUINT32 = WhvBits.Set(AsUINT32, 1, 3, value); }

    public uint StringOp { readonly get => WhvBits.Get(AsUINT32, 4, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 4, 1, value); }

    public uint RepPrefix { readonly get => WhvBits.Get(AsUINT32, 5, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 5, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 96)]
internal struct WHV_X64_IO_PORT_ACCESS_CONTEXT
{
    [FieldOffset(0)] public byte InstructionByteCount;
    [FieldOffset(4)] public InstructionBytes16 InstructionBytes;
    [FieldOffset(20)] public WHV_X64_IO_PORT_ACCESS_INFO AccessInfo;
    [FieldOffset(24)] public ushort PortNumber;
    [FieldOffset(32)] public ulong Rax;
    [FieldOffset(40)] public ulong Rcx;
    [FieldOffset(48)] public ulong Rsi;
    [FieldOffset(56)] public ulong Rdi;
    [FieldOffset(64)] public WHV_X64_SEGMENT_REGISTER Ds;
    [FieldOffset(80)] public WHV_X64_SEGMENT_REGISTER Es;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_X64_MSR_ACCESS_INFO
{
    [FieldOffset(0)] public uint AsUINT32;

    public uint IsWrite { readonly get => WhvBits.Get(AsUINT32, 0, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 0, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct WHV_X64_MSR_ACCESS_CONTEXT
{
    [FieldOffset(0)] public WHV_X64_MSR_ACCESS_INFO AccessInfo;
    [FieldOffset(4)] public uint MsrNumber;
    [FieldOffset(8)] public ulong Rax;
    [FieldOffset(16)] public ulong Rdx;
}

[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct WHV_X64_CPUID_ACCESS_CONTEXT
{
    [FieldOffset(0)] public ulong Rax;
    [FieldOffset(8)] public ulong Rcx;
    [FieldOffset(16)] public ulong Rdx;
    [FieldOffset(24)] public ulong Rbx;
    [FieldOffset(32)] public ulong DefaultResultRax;
    [FieldOffset(40)] public ulong DefaultResultRcx;
    [FieldOffset(48)] public ulong DefaultResultRdx;
    [FieldOffset(56)] public ulong DefaultResultRbx;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_VP_EXCEPTION_INFO
{
    [FieldOffset(0)] public uint AsUINT32;

    public uint ErrorCodeValid { readonly get => WhvBits.Get(AsUINT32, 0, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 0, 1, value); }

    public uint SoftwareException { readonly get => WhvBits.Get(AsUINT32, 1, 1); set => AsUINT32 = WhvBits.Set(AsUINT32, 1, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct WHV_VP_EXCEPTION_CONTEXT
{
    [FieldOffset(0)] public byte InstructionByteCount;
    [FieldOffset(4)] public InstructionBytes16 InstructionBytes;
    [FieldOffset(20)] public WHV_VP_EXCEPTION_INFO ExceptionInfo;
    [FieldOffset(24)] public byte ExceptionType;
    [FieldOffset(28)] public uint ErrorCode;
    [FieldOffset(32)] public ulong ExceptionParameter;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT
{
    [FieldOffset(0)] public WHV_X64_PENDING_INTERRUPTION_TYPE DeliverableType;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_UNSUPPORTED_FEATURE_CONTEXT
{
    [FieldOffset(0)] public WHV_X64_UNSUPPORTED_FEATURE_CODE FeatureCode;
    [FieldOffset(8)] public ulong FeatureParameter;
}

[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct WHV_X64_APIC_EOI_CONTEXT
{
    [FieldOffset(0)] public uint InterruptVector;
}

[StructLayout(LayoutKind.Explicit, Size = 176)]
internal struct WHV_HYPERCALL_CONTEXT
{
    [FieldOffset(0)] public ulong Rax;
    [FieldOffset(8)] public ulong Rbx;
    [FieldOffset(16)] public ulong Rcx;
    [FieldOffset(24)] public ulong Rdx;
    [FieldOffset(32)] public ulong R8;
    [FieldOffset(40)] public ulong Rsi;
    [FieldOffset(48)] public ulong Rdi;
}
