using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>The page that a vCPU shares with the kernel (linux/kvm.h, struct kvm_run). Only what x86 uses is spelled out.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
internal struct kvm_run
{
    [FieldOffset(0)]
    public byte request_interrupt_window;
    [FieldOffset(1)]
    public byte immediate_exit;
    [FieldOffset(8)]
    public uint exit_reason;
    [FieldOffset(12)]
    public byte ready_for_interrupt_injection;
    [FieldOffset(13)]
    public byte if_flag;
    [FieldOffset(14)]
    public ushort flags;
    [FieldOffset(16)]
    public ulong cr8;
    [FieldOffset(24)]
    public ulong apic_base;
    [FieldOffset(32)]
    public Hw hw;
    [FieldOffset(32)]
    public FailEntry fail_entry;
    [FieldOffset(32)]
    public Io io;
    [FieldOffset(32)]
    public Debug debug;
    [FieldOffset(32)]
    public Mmio mmio;
    [FieldOffset(32)]
    public Hypercall hypercall;
    [FieldOffset(32)]
    public Internal @internal;
    [FieldOffset(32)]
    public EmulationFailure emulation_failure;
    [FieldOffset(32)]
    public SystemEvent system_event;
    [FieldOffset(32)]
    public Eoi eoi;
    [FieldOffset(32)]
    public Msr msr;
    [FieldOffset(32)]
    public MemoryFault memory_fault;
    [FieldOffset(288)]
    public ulong kvm_valid_regs;
    [FieldOffset(296)]
    public ulong kvm_dirty_regs;
    [FieldOffset(304)]
    public S s;

    /// <summary>Offset and size of the union that holds what is particular to each exit.</summary>
    internal const int ExitUnionOffset = 32;
    internal const int ExitUnionSize = 256;

    internal struct Hw
    {
        public ulong hardware_exit_reason;
    }

    internal struct FailEntry
    {
        public ulong hardware_entry_failure_reason;
        public uint cpu;
    }

    internal struct Io
    {
        public byte direction;
        public byte size;
        public ushort port;
        public uint count;
        public ulong data_offset;
    }

    internal struct Debug
    {
        public kvm_debug_exit_arch arch;
    }

    internal struct Mmio
    {
        public ulong phys_addr;
        public InlineArray8<byte> data;
        public uint len;
        public byte is_write;
    }

    internal struct Hypercall
    {
        public ulong nr;
        public InlineArray6<ulong> args;
        public ulong ret;
        public uint longmode;
        public uint pad;
    }

    internal struct Internal
    {
        public uint suberror;
        public uint ndata;
        public InlineArray16<ulong> data;
    }

    internal struct EmulationFailure
    {
        public uint suberror;
        public uint ndata;
        public ulong flags;
        public byte insn_size;
        public InlineArray15<byte> insn_bytes;
    }

    internal struct SystemEvent
    {
        public uint type;
        public uint ndata;
        public InlineArray16<ulong> data;
    }

    internal struct Eoi
    {
        public byte vector;
    }

    /// <summary>Linux 6.8.</summary>
    internal struct MemoryFault
    {
        public ulong flags;
        public ulong gpa;
        public ulong size;
    }

    internal struct Msr
    {
        public byte error;
        public InlineArray7<byte> pad;
        public uint reason;
        public uint index;
        public ulong data;
    }

    [StructLayout(LayoutKind.Explicit, Size = 2048)]
    internal struct S
    {
        [FieldOffset(0)]
        public kvm_sync_regs regs;
    }
}
