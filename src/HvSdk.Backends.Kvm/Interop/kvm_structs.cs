using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

// The structures of linux/kvm.h and asm/kvm.h (x86) under their own names. HvSdk.Backends.Kvm.Tests compares every size and offset with the
// headers of the machine it runs on. Flexible array members are left out: what follows such a header is laid out where it is built.
#pragma warning disable CS8981 // lower-case names: the header's

internal struct kvm_userspace_memory_region
{
    public uint slot;
    public uint flags;
    public ulong guest_phys_addr;
    public ulong memory_size;
    public ulong userspace_addr;
}

internal struct kvm_regs
{
    public ulong rax, rbx, rcx, rdx;
    public ulong rsi, rdi, rsp, rbp;
    public ulong r8, r9, r10, r11;
    public ulong r12, r13, r14, r15;
    public ulong rip, rflags;
}

internal struct kvm_segment
{
    public ulong @base;
    public uint limit;
    public ushort selector;
    public byte type;
    public byte present, dpl, db, s, l, g, avl;
    public byte unusable;
    public byte padding;
}

internal struct kvm_dtable
{
    public ulong @base;
    public ushort limit;
    public InlineArray3<ushort> padding;
}

internal struct kvm_sregs
{
    public kvm_segment cs, ds, es, fs, gs, ss;
    public kvm_segment tr, ldt;
    public kvm_dtable gdt, idt;
    public ulong cr0, cr2, cr3, cr4, cr8;
    public ulong efer;
    public ulong apic_base;
    public InlineArray4<ulong> interrupt_bitmap;
}

internal struct kvm_debugregs
{
    public InlineArray4<ulong> db;
    public ulong dr6;
    public ulong dr7;
    public ulong flags;
    public InlineArray9<ulong> reserved;
}

internal struct kvm_xcr
{
    public uint xcr;
    public uint reserved;
    public ulong value;
}

internal struct kvm_xcrs
{
    public uint nr_xcrs;
    public uint flags;
    public InlineArray16<kvm_xcr> xcrs;
    public InlineArray16<ulong> padding;
}

internal struct kvm_vcpu_events
{
    public Exception exception;
    public Interrupt interrupt;
    public Nmi nmi;
    public uint sipi_vector;
    public uint flags;
    public Smi smi;
    public TripleFault triple_fault;
    public InlineArray26<byte> reserved;
    public byte exception_has_payload;
    public ulong exception_payload;

    internal struct Exception
    {
        public byte injected;
        public byte nr;
        public byte has_error_code;
        public byte pending;
        public uint error_code;
    }

    internal struct Interrupt
    {
        public byte injected;
        public byte nr;
        public byte soft;
        public byte shadow;
    }

    internal struct Nmi
    {
        public byte injected;
        public byte pending;
        public byte masked;
        public byte pad;
    }

    internal struct Smi
    {
        public byte smm;
        public byte pending;
        public byte smm_inside_nmi;
        public byte latched_init;
    }

    internal struct TripleFault
    {
        public byte pending;
    }
}

internal struct kvm_mp_state
{
    public uint mp_state;
}

internal struct kvm_lapic_state
{
    public InlineArray1024<byte> regs;
}

internal struct kvm_msrs
{
    public uint nmsrs;
    public uint pad;
}

internal struct kvm_msr_entry
{
    public uint index;
    public uint reserved;
    public ulong data;
}

internal struct kvm_msr_list
{
    public uint nmsrs;
}

internal struct kvm_cpuid2
{
    public uint nent;
    public uint padding;
}

internal struct kvm_cpuid_entry2
{
    public uint function;
    public uint index;
    public uint flags;
    public uint eax;
    public uint ebx;
    public uint ecx;
    public uint edx;
    public InlineArray3<uint> padding;
}

internal struct kvm_msr_filter_range
{
    public uint flags;
    public uint nmsrs;
    public uint @base;
    public ulong bitmap;
}

internal struct kvm_msr_filter
{
    public uint flags;
    public InlineArray16<kvm_msr_filter_range> ranges;
}

[StructLayout(LayoutKind.Explicit)]
internal struct kvm_irq_level
{
    [FieldOffset(0)]
    public uint irq;
    [FieldOffset(4)]
    public uint level;
}

internal struct kvm_pic_state
{
    public byte last_irr;
    public byte irr;
    public byte imr;
    public byte isr;
    public byte priority_add;
    public byte irq_base;
    public byte read_reg_select;
    public byte poll;
    public byte special_mask;
    public byte init_state;
    public byte auto_eoi;
    public byte rotate_on_auto_eoi;
    public byte special_fully_nested_mode;
    public byte init4;
    public byte elcr;
    public byte elcr_mask;
}

internal struct kvm_ioapic_state
{
    public ulong base_address;
    public uint ioregsel;
    public uint id;
    public uint irr;
    public uint pad;
    public InlineArray24<ulong> redirtbl;
}

[StructLayout(LayoutKind.Explicit, Size = 520)]
internal struct kvm_irqchip
{
    [FieldOffset(0)]
    public uint chip_id;
    [FieldOffset(4)]
    public uint pad;
    [FieldOffset(8)]
    public Chip chip;

    [StructLayout(LayoutKind.Explicit, Size = 512)]
    internal struct Chip
    {
        [FieldOffset(0)]
        public kvm_pic_state pic;
        [FieldOffset(0)]
        public kvm_ioapic_state ioapic;
    }
}

internal struct kvm_pit_channel_state
{
    public uint count;
    public ushort latched_count;
    public byte count_latched;
    public byte status_latched;
    public byte status;
    public byte read_state;
    public byte write_state;
    public byte write_latch;
    public byte rw_mode;
    public byte mode;
    public byte bcd;
    public byte gate;
    public long count_load_time;
}

internal struct kvm_pit_state2
{
    public InlineArray3<kvm_pit_channel_state> channels;
    public uint flags;
    public InlineArray9<uint> reserved;
}

internal struct kvm_pit_config
{
    public uint flags;
    public InlineArray15<uint> pad;
}

internal struct kvm_irq_routing
{
    public uint nr;
    public uint flags;
}

[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct kvm_irq_routing_entry
{
    [FieldOffset(0)]
    public uint gsi;
    [FieldOffset(4)]
    public uint type;
    [FieldOffset(8)]
    public uint flags;
    [FieldOffset(12)]
    public uint pad;
    [FieldOffset(16)]
    public U u;

    [StructLayout(LayoutKind.Explicit, Size = 32)]
    internal struct U
    {
        [FieldOffset(0)]
        public kvm_irq_routing_irqchip irqchip;
        [FieldOffset(0)]
        public kvm_irq_routing_msi msi;
    }
}

internal struct kvm_irq_routing_irqchip
{
    public uint irqchip;
    public uint pin;
}

internal struct kvm_irq_routing_msi
{
    public uint address_lo;
    public uint address_hi;
    public uint data;
    public uint pad;
}

internal struct kvm_msi
{
    public uint address_lo;
    public uint address_hi;
    public uint data;
    public uint flags;
    public uint devid;
    public InlineArray12<byte> pad;
}

internal struct kvm_irqfd
{
    public uint fd;
    public uint gsi;
    public uint flags;
    public uint resamplefd;
    public InlineArray16<byte> pad;
}

internal struct kvm_ioeventfd
{
    public ulong datamatch;
    public ulong addr;
    public uint len;
    public int fd;
    public uint flags;
    public InlineArray36<byte> pad;
}

internal struct kvm_enable_cap
{
    public uint cap;
    public uint flags;
    public InlineArray4<ulong> args;
    public InlineArray64<byte> pad;
}

internal struct kvm_dirty_log
{
    public uint slot;
    public uint padding1;
    public ulong dirty_bitmap;
}

internal struct kvm_clear_dirty_log
{
    public uint slot;
    public uint num_pages;
    public ulong first_page;
    public ulong dirty_bitmap;
}

internal struct kvm_dirty_gfn
{
    public uint flags;
    public uint slot;
    public ulong offset;
}

internal struct kvm_guest_debug
{
    public uint control;
    public uint pad;
    public Arch arch;

    internal struct Arch
    {
        public InlineArray8<ulong> debugreg;
    }
}

internal struct kvm_debug_exit_arch
{
    public uint exception;
    public uint pad;
    public ulong pc;
    public ulong dr6;
    public ulong dr7;
}

internal struct kvm_interrupt
{
    public uint irq;
}

internal struct kvm_clock_data
{
    public ulong clock;
    public uint flags;
    public uint pad0;
    public ulong realtime;
    public ulong host_tsc;
    public InlineArray4<uint> pad;
}

internal struct kvm_stats_header
{
    public uint flags;
    public uint name_size;
    public uint num_desc;
    public uint id_offset;
    public uint desc_offset;
    public uint data_offset;
}

internal struct kvm_stats_desc
{
    public uint flags;
    public short exponent;
    public ushort size;
    public uint offset;
    public uint bucket_size;
}

internal struct kvm_sync_regs
{
    public kvm_regs regs;
    public kvm_sregs sregs;
    public kvm_vcpu_events events;
}

[InlineArray(24)]
internal struct InlineArray24<T>
{
    private T _first;
}

[InlineArray(26)]
internal struct InlineArray26<T>
{
    private T _first;
}

[InlineArray(36)]
internal struct InlineArray36<T>
{
    private T _first;
}

[InlineArray(64)]
internal struct InlineArray64<T>
{
    private T _first;
}

[InlineArray(1024)]
internal struct InlineArray1024<T>
{
    private T _first;
}
