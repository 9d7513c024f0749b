using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop.Arm64;

// The structures of linux/kvm.h and asm/kvm.h (arm64) under their own names, where they are not those of x86. HvSdk.Backends.Kvm.Tests compares every size and
// offset with the headers of the cross compiler.
#pragma warning disable CS8981 // lower-case names: the header's

/// <summary>Only for the offsets of its members, which are the numbers of core registers.</summary>
[StructLayout(LayoutKind.Explicit, Size = 864)]
internal struct kvm_regs
{
    [FieldOffset(0)]
    public UserRegisters regs;
    [FieldOffset(272)]
    public ulong sp_el1;
    [FieldOffset(280)]
    public ulong elr_el1;
    [FieldOffset(288)]
    public InlineArray5<ulong> spsr;
    [FieldOffset(336)]
    public SimdRegisters fp_regs;

    /// <summary>struct user_pt_regs.</summary>
    internal struct UserRegisters
    {
        public InlineArray31<ulong> regs;
        public ulong sp;
        public ulong pc;
        public ulong pstate;
    }

    /// <summary>struct user_fpsimd_state.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 528)]
    internal struct SimdRegisters
    {
        [FieldOffset(0)]
        public InlineArray64<ulong> vregs;
        [FieldOffset(512)]
        public uint fpsr;
        [FieldOffset(516)]
        public uint fpcr;
    }
}

internal struct kvm_vcpu_init
{
    public uint target;
    public InlineArray7<uint> features;
}

internal struct kvm_one_reg
{
    public ulong id;
    public ulong addr;
}

internal struct kvm_reg_list
{
    public ulong n;
}

internal struct kvm_create_device
{
    public uint type;
    public uint fd;
    public uint flags;
}

internal struct kvm_device_attr
{
    public uint flags;
    public uint group;
    public ulong attr;
    public ulong addr;
}

internal struct kvm_guest_debug_arch
{
    public InlineArray16<ulong> dbg_bcr;
    public InlineArray16<ulong> dbg_bvr;
    public InlineArray16<ulong> dbg_wcr;
    public InlineArray16<ulong> dbg_wvr;
}

internal struct kvm_guest_debug
{
    public uint control;
    public uint pad;
    public kvm_guest_debug_arch arch;
}

internal struct kvm_debug_exit_arch
{
    public uint hsr;
    public uint hsr_high;
    public ulong far;
}

internal struct kvm_sync_regs
{
    public ulong device_irq_level;
}

/// <summary>Linux 6.4.</summary>
internal struct kvm_smccc_filter
{
    public uint @base;
    public uint nr_functions;
    public byte action;
    public InlineArray15<byte> pad;
}

/// <summary>The page that a vCPU shares with the kernel. Only what arm64 uses is spelled out.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
internal struct kvm_run
{
    [FieldOffset(1)]
    public byte immediate_exit;
    [FieldOffset(8)]
    public uint exit_reason;
    [FieldOffset(32)]
    public FailEntry fail_entry;
    [FieldOffset(32)]
    public Debug debug;
    [FieldOffset(32)]
    public Mmio mmio;
    [FieldOffset(32)]
    public Hypercall hypercall;
    [FieldOffset(32)]
    public Internal @internal;
    [FieldOffset(32)]
    public SystemEvent system_event;
    [FieldOffset(32)]
    public Nisv arm_nisv;
    [FieldOffset(304)]
    public S s;

    /// <summary>Offset and size of the union that holds what is particular to each exit.</summary>
    internal const int ExitUnionOffset = 32;
    internal const int ExitUnionSize = 256;

    internal struct FailEntry
    {
        public ulong hardware_entry_failure_reason;
        public uint cpu;
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

    internal struct SystemEvent
    {
        public uint type;
        public uint ndata;
        public InlineArray16<ulong> data;
    }

    internal struct Nisv
    {
        public ulong esr_iss;
        public ulong fault_ipa;
    }

    [StructLayout(LayoutKind.Explicit, Size = 2048)]
    internal struct S
    {
        [FieldOffset(0)]
        public kvm_sync_regs regs;
    }
}

[InlineArray(31)]
internal struct InlineArray31<T>
{
    private T _first;
}
