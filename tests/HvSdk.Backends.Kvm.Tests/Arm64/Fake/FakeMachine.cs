using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>A partition of <see cref="FakeKvm"/>.</summary>
internal sealed unsafe class FakeMachine(FakeKvm kvm, int type)
{
    internal FakeKvm Kvm => kvm;

    /// <summary>What KVM_CREATE_VM was given.</summary>
    internal int Type => type;

    internal Dictionary<uint, kvm_userspace_memory_region> Slots { get; } = [];

    internal List<FakeVcpu> Vcpus { get; } = [];

    internal FakeGic? Gic { get; private set; }

    /// <summary>Calls of KVM_IRQ_LINE: number and level.</summary>
    internal List<(uint Number, uint Level)> Lines { get; } = [];

    internal List<kvm_irqfd> Triggers { get; } = [];

    internal List<kvm_ioeventfd> Doorbells { get; } = [];

    /// <summary>The routing table: GSI and pin.</summary>
    internal Dictionary<uint, uint> Routes { get; } = [];

    internal List<kvm_enable_cap> Enabled { get; } = [];

    internal List<(uint Base, uint Count, byte Action)> Filters { get; } = [];

    /// <summary>Bitmaps that KVM_GET_DIRTY_LOG gives, by slot.</summary>
    internal Dictionary<uint, ulong[]> DirtyPages { get; } = [];

    /// <summary>Pages that KVM_CLEAR_DIRTY_LOG named, by slot.</summary>
    internal List<(uint Slot, uint Pages)> Cleared { get; } = [];

    internal int RingResets { get; private set; }

    /// <summary>What was made, in order.</summary>
    internal List<string> Made { get; } = [];

    /// <summary>Memory behind a GPA.</summary>
    internal byte* At(ulong address)
    {
        kvm_userspace_memory_region slot = Slots.Values.Single(slot => address - slot.guest_phys_addr < slot.memory_size);
        return (byte*)(slot.userspace_addr + (address - slot.guest_phys_addr));
    }

    internal int Control(uint request, nint argument)
    {
        switch (request)
        {
            case KVM.KVM_CHECK_EXTENSION:
                return kvm.Capabilities.GetValueOrDefault((uint)argument);
            case KVM.KVM_ENABLE_CAP:
                Enabled.Add(*(kvm_enable_cap*)argument);
                return 0;
            case KVM.KVM_SET_USER_MEMORY_REGION:
                return SetRegion(*(kvm_userspace_memory_region*)argument);
            case KVM.KVM_GET_DIRTY_LOG:
                return GetDirtyLog((kvm_dirty_log*)argument);
            case KVM.KVM_CLEAR_DIRTY_LOG:
                Cleared.Add((((kvm_clear_dirty_log*)argument)->slot, ((kvm_clear_dirty_log*)argument)->num_pages));
                return 0;
            case KVM.KVM_RESET_DIRTY_RINGS:
                RingResets++;
                return 1;
            case KVM.KVM_IRQ_LINE:
                Lines.Add((((kvm_irq_level*)argument)->irq, ((kvm_irq_level*)argument)->level));
                return 0;
            case KVM.KVM_IRQFD:
                return SetTrigger(*(kvm_irqfd*)argument);
            case KVM.KVM_IOEVENTFD:
                Doorbells.Add(*(kvm_ioeventfd*)argument);
                return 0;
            case KVM.KVM_SET_GSI_ROUTING:
                return SetRoutes(argument);
            case KVM.KVM_CREATE_VCPU:
                return CreateVcpu((int)argument);
            case KVM_ARM64.KVM_ARM_PREFERRED_TARGET:
                *(kvm_vcpu_init*)argument = new() { target = FakeVcpu.Target };
                return 0;
            case KVM_ARM64.KVM_CREATE_DEVICE:
                return CreateDevice((kvm_create_device*)argument);
            case KVM_ARM64.KVM_HAS_DEVICE_ATTR:
                return kvm.HasCallFilter ? 0 : -LibC.ENXIO;
            case KVM_ARM64.KVM_SET_DEVICE_ATTR:
                var filter = (kvm_smccc_filter*)((kvm_device_attr*)argument)->addr;
                Filters.Add((filter->@base, filter->nr_functions, filter->action));
                return 0;
            default:
                return -LibC.ENOTTY;
        }
    }

    private int SetRegion(kvm_userspace_memory_region region)
    {
        if ((region.guest_phys_addr | region.memory_size) % (uint)kvm.PageSize != 0)
        {
            return -LibC.EINVAL;
        }

        if (region.memory_size == 0)
        {
            Slots.Remove(region.slot);
        }
        else
        {
            Slots[region.slot] = region;
        }

        return 0;
    }

    private int GetDirtyLog(kvm_dirty_log* log)
    {
        if (DirtyPages.Remove(log->slot, out ulong[]? pages))
        {
            pages.CopyTo(new Span<ulong>((void*)log->dirty_bitmap, pages.Length));
        }

        return 0;
    }

    private int SetTrigger(kvm_irqfd trigger)
    {
        if ((trigger.flags & KVM.KVM_IRQFD_FLAG_DEASSIGN) != 0)
        {
            return Triggers.RemoveAll(one => one.fd == trigger.fd && one.gsi == trigger.gsi) == 1 ? 0 : -LibC.EINVAL;
        }

        Triggers.Add(trigger);
        return 0;
    }

    private int SetRoutes(nint argument)
    {
        Routes.Clear();
        var header = (kvm_irq_routing*)argument;
        var entries = new ReadOnlySpan<kvm_irq_routing_entry>(header + 1, (int)header->nr);
        foreach (kvm_irq_routing_entry entry in entries)
        {
            if (entry.type != KVM.KVM_IRQ_ROUTING_IRQCHIP || entry.u.irqchip.irqchip != 0)
            {
                return -LibC.EINVAL;
            }

            Routes.Add(entry.gsi, entry.u.irqchip.pin);
        }

        return 0;
    }

    private int CreateVcpu(int index)
    {
        if (Vcpus.Any(vcpu => vcpu.Index == index))
        {
            return -LibC.EEXIST;
        }

        if (Gic is { IsInitialized: true })
        {
            return -LibC.EBUSY;
        }

        var vcpu = new FakeVcpu(this, index);
        Made.Add($"vCPU {index}");
        Vcpus.Add(vcpu);
        kvm.NewFile(vcpu, out int descriptor);
        vcpu.Map(descriptor);
        return descriptor;
    }

    private int CreateDevice(kvm_create_device* create)
    {
        if (create->type != KVM_ARM64.KVM_DEV_TYPE_ARM_VGIC_V3 || !kvm.HasGic)
        {
            return -LibC.ENODEV;
        }

        if ((create->flags & KVM_ARM64.KVM_CREATE_DEVICE_TEST) != 0)
        {
            return 0;
        }

        if (Gic is not null)
        {
            return -LibC.EEXIST;
        }

        Made.Add("GIC");
        Gic = new FakeGic(this);
        create->fd = (uint)kvm.NewFile(Gic, out _);
        return 0;
    }
}
