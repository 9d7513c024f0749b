using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends.Whp.Interop;

// The structures of winhvplatformdefs.h (mingw-w64 10.0.0) under their own names, with every offset written out. HvSdk.Backends.Whp.Tests
// compares sizes, offsets and bit fields with the header's debug information.

/// <summary>A register's value. The header aligns it to 16 bytes, which C# cannot say: it lives in <see cref="WhvScratch"/> alone.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_REGISTER_VALUE
{
    [FieldOffset(0)] public UInt128 Reg128;
    [FieldOffset(0)] public ulong Reg64;
    [FieldOffset(0)] public WHV_X64_SEGMENT_REGISTER Segment;
    [FieldOffset(0)] public WHV_X64_TABLE_REGISTER Table;
    [FieldOffset(0)] public WHV_X64_FP_CONTROL_STATUS_REGISTER FpControlStatus;
    [FieldOffset(0)] public WHV_X64_XMM_CONTROL_STATUS_REGISTER XmmControlStatus;
    [FieldOffset(0)] public WHV_X64_INTERRUPT_STATE_REGISTER InterruptState;
    [FieldOffset(0)] public WHV_X64_PENDING_INTERRUPTION_REGISTER PendingInterruption;
    [FieldOffset(0)] public WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER DeliverabilityNotifications;
    [FieldOffset(0)] public WHV_X64_PENDING_EXCEPTION_EVENT ExceptionEvent;
    [FieldOffset(0)] public WHV_X64_PENDING_EXT_INT_EVENT ExtIntEvent;
    [FieldOffset(0)] public WHV_INTERNAL_ACTIVITY_REGISTER InternalActivity;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_SEGMENT_REGISTER
{
    [FieldOffset(0)] public ulong Base;
    [FieldOffset(8)] public uint Limit;
    [FieldOffset(12)] public ushort Selector;
    [FieldOffset(14)] public ushort Attributes;

    public uint SegmentType { readonly get => WhvBits.Get(Attributes, 0, 4); set => Attributes = WhvBits.Set(Attributes, 0, 4, value); }

    public uint NonSystemSegment { readonly get => WhvBits.Get(Attributes, 4, 1); set => Attributes = WhvBits.Set(Attributes, 4, 1, value); }

    public uint DescriptorPrivilegeLevel { readonly get => WhvBits.Get(Attributes, 5, 2); set => Attributes = WhvBits.Set(Attributes, 5, 2, value); }

    public uint Present { readonly get => WhvBits.Get(Attributes, 7, 1); set => Attributes = WhvBits.Set(Attributes, 7, 1, value); }

    public uint Available { readonly get => WhvBits.Get(Attributes, 12, 1); set => Attributes = WhvBits.Set(Attributes, 12, 1, value); }

    public uint Long { readonly get => WhvBits.Get(Attributes, 13, 1); set => Attributes = WhvBits.Set(Attributes, 13, 1, value); }

    public uint Default { readonly get => WhvBits.Get(Attributes, 14, 1); set => Attributes = WhvBits.Set(Attributes, 14, 1, value); }

    public uint Granularity { readonly get => WhvBits.Get(Attributes, 15, 1); set => Attributes = WhvBits.Set(Attributes, 15, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_TABLE_REGISTER
{
    [FieldOffset(6)] public ushort Limit;
    [FieldOffset(8)] public ulong Base;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_FP_CONTROL_STATUS_REGISTER
{
    [FieldOffset(0)] public ushort FpControl;
    [FieldOffset(2)] public ushort FpStatus;
    [FieldOffset(4)] public byte FpTag;
    [FieldOffset(6)] public ushort LastFpOp;
    [FieldOffset(8)] public ulong LastFpRip;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_XMM_CONTROL_STATUS_REGISTER
{
    [FieldOffset(0)] public ulong LastFpRdp;
    [FieldOffset(8)] public uint XmmStatusControl;
    [FieldOffset(12)] public uint XmmStatusControlMask;
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_X64_INTERRUPT_STATE_REGISTER
{
    [FieldOffset(0)] public ulong AsUINT64;

    public uint InterruptShadow { readonly get => WhvBits.Get(AsUINT64, 0, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 0, 1, value); }

    public uint NmiMasked { readonly get => WhvBits.Get(AsUINT64, 1, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 1, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_X64_PENDING_INTERRUPTION_REGISTER
{
    [FieldOffset(0)] public ulong AsUINT64;
    [FieldOffset(4)] public uint ErrorCode;

    public uint InterruptionPending { readonly get => WhvBits.Get(AsUINT64, 0, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 0, 1, value); }

    public uint InterruptionType { readonly get => WhvBits.Get(AsUINT64, 1, 3); set => AsUINT64 = WhvBits.Set(AsUINT64, 1, 3, value); }

    public uint DeliverErrorCode { readonly get => WhvBits.Get(AsUINT64, 4, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 4, 1, value); }

    public uint InstructionLength { readonly get => WhvBits.Get(AsUINT64, 5, 4); set => AsUINT64 = WhvBits.Set(AsUINT64, 5, 4, value); }

    public uint InterruptionVector { readonly get => WhvBits.Get(AsUINT64, 16, 16); set => AsUINT64 = WhvBits.Set(AsUINT64, 16, 16, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER
{
    [FieldOffset(0)] public ulong AsUINT64;

    public uint NmiNotification { readonly get => WhvBits.Get(AsUINT64, 0, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 0, 1, value); }

    public uint InterruptNotification { readonly get => WhvBits.Get(AsUINT64, 1, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 1, 1, value); }

    public uint InterruptPriority { readonly get => WhvBits.Get(AsUINT64, 2, 4); set => AsUINT64 = WhvBits.Set(AsUINT64, 2, 4, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_PENDING_EXCEPTION_EVENT
{
    [FieldOffset(0)] public uint Bits;
    [FieldOffset(4)] public uint ErrorCode;
    [FieldOffset(8)] public ulong ExceptionParameter;

    public uint EventPending { readonly get => WhvBits.Get(Bits, 0, 1); set => Bits = WhvBits.Set(Bits, 0, 1, value); }

    public uint EventType { readonly get => WhvBits.Get(Bits, 1, 3); set => Bits = WhvBits.Set(Bits, 1, 3, value); }

    public uint DeliverErrorCode { readonly get => WhvBits.Get(Bits, 8, 1); set => Bits = WhvBits.Set(Bits, 8, 1, value); }

    public uint Vector { readonly get => WhvBits.Get(Bits, 16, 16); set => Bits = WhvBits.Set(Bits, 16, 16, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_X64_PENDING_EXT_INT_EVENT
{
    [FieldOffset(0)] public ulong Bits;

    public uint EventPending { readonly get => WhvBits.Get(Bits, 0, 1); set => Bits = WhvBits.Set(Bits, 0, 1, value); }

    public uint EventType { readonly get => WhvBits.Get(Bits, 1, 3); set => Bits = WhvBits.Set(Bits, 1, 3, value); }

    public uint Vector { readonly get => WhvBits.Get(Bits, 8, 8); set => Bits = WhvBits.Set(Bits, 8, 8, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_INTERNAL_ACTIVITY_REGISTER
{
    [FieldOffset(0)] public ulong AsUINT64;

    public uint StartupSuspend { readonly get => WhvBits.Get(AsUINT64, 0, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 0, 1, value); }

    public uint HaltSuspend { readonly get => WhvBits.Get(AsUINT64, 1, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 1, 1, value); }

    public uint IdleSuspend { readonly get => WhvBits.Get(AsUINT64, 2, 1); set => AsUINT64 = WhvBits.Set(AsUINT64, 2, 1, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_CPUID_OUTPUT
{
    [FieldOffset(0)] public uint Eax;
    [FieldOffset(4)] public uint Ebx;
    [FieldOffset(8)] public uint Ecx;
    [FieldOffset(12)] public uint Edx;
}

[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct WHV_X64_CPUID_RESULT
{
    [FieldOffset(0)] public uint Function;
    [FieldOffset(16)] public uint Eax;
    [FieldOffset(20)] public uint Ebx;
    [FieldOffset(24)] public uint Ecx;
    [FieldOffset(28)] public uint Edx;
}

[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct WHV_X64_CPUID_RESULT2
{
    [FieldOffset(0)] public uint Function;
    [FieldOffset(4)] public uint Index;
    [FieldOffset(8)] public uint VpIndex;
    [FieldOffset(12)] public WHV_X64_CPUID_RESULT2_FLAGS Flags;
    [FieldOffset(16)] public WHV_CPUID_OUTPUT Output;
    [FieldOffset(32)] public WHV_CPUID_OUTPUT Mask;
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_MSR_ACTION_ENTRY
{
    [FieldOffset(0)] public uint Index;
    [FieldOffset(4)] public byte ReadAction;
    [FieldOffset(5)] public byte WriteAction;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_MEMORY_RANGE_ENTRY
{
    [FieldOffset(0)] public ulong GuestAddress;
    [FieldOffset(8)] public ulong SizeInBytes;
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct WHV_ADVISE_GPA_RANGE_POPULATE
{
    [FieldOffset(0)] public uint Flags;
    [FieldOffset(4)] public WHV_MEMORY_ACCESS_TYPE AccessType;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct WHV_INTERRUPT_CONTROL
{
    [FieldOffset(0)] public ulong Bits;
    [FieldOffset(8)] public uint Destination;
    [FieldOffset(12)] public uint Vector;

    public uint Type { readonly get => WhvBits.Get(Bits, 0, 8); set => Bits = WhvBits.Set(Bits, 0, 8, value); }

    public uint DestinationMode { readonly get => WhvBits.Get(Bits, 8, 4); set => Bits = WhvBits.Set(Bits, 8, 4, value); }

    public uint TriggerMode { readonly get => WhvBits.Get(Bits, 12, 4); set => Bits = WhvBits.Set(Bits, 12, 4, value); }
}

[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct WHV_DOORBELL_MATCH_DATA
{
    [FieldOffset(0)] public ulong GuestAddress;
    [FieldOffset(8)] public ulong Value;
    [FieldOffset(16)] public uint Length;
    [FieldOffset(20)] public uint Bits;

    public uint MatchOnValue { readonly get => WhvBits.Get(Bits, 0, 1); set => Bits = WhvBits.Set(Bits, 0, 1, value); }

    public uint MatchOnLength { readonly get => WhvBits.Get(Bits, 1, 1); set => Bits = WhvBits.Set(Bits, 1, 1, value); }
}
