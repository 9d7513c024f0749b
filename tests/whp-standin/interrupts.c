/* R-IRQ: interrupts for the platform's local APICs. KVM's split chip has exactly those, and nothing above them. */
#include "standin.h"
#include <string.h>

enum { FIRST_VECTOR = 16, VECTOR_COUNT = 256, EOI_PINS = 255 /* KVM keeps the number in 8 bits */ };

HRESULT interrupts_set_up(struct partition *partition)
{
    if (partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        return S_OK;
    }
    /* Pins of an I/O APIC that is elsewhere: KVM tells of the ends of their interrupts. Here they stand for vectors. */
    struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {EOI_PINS}};
    HRESULT result = kvm_result(host_ioctl(partition->fd, KVM_ENABLE_CAP, &split), "KVM_CAP_SPLIT_IRQCHIP");
    if (result == S_OK && partition->apic_mode == WHvX64LocalApicEmulationModeX2Apic)
    {
        struct kvm_enable_cap wide = {.cap = KVM_CAP_X2APIC_API, .args = {KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK}};
        result = kvm_result(host_ioctl(partition->fd, KVM_ENABLE_CAP, &wide), "KVM_CAP_X2APIC_API");
    }
    partition->next_gsi = EOI_PINS;
    return result;
}

/* The message that an interrupt is to KVM. */
static struct kvm_msi message_of(const WHV_INTERRUPT_CONTROL *interrupt)
{
    const uint32_t base = 0xFEE00000, logical = 1 << 2, level_asserted = 0xC000;
    return (struct kvm_msi){
        .address_lo = base | (interrupt->Destination & 0xFF) << 12 | (interrupt->DestinationMode == WHvX64InterruptDestinationModeLogical ? logical : 0),
        .address_hi = interrupt->Destination & ~0xFFu,
        .data = (interrupt->Vector & 0xFF) | (uint32_t)interrupt->Type << 8 |
                (interrupt->TriggerMode == WHvX64InterruptTriggerModeLevel ? level_asserted : 0),
    };
}

static struct kvm_irq_routing_entry eoi_route(uint32_t gsi, uint32_t vector, uint32_t destination)
{
    WHV_INTERRUPT_CONTROL to_all = {.TriggerMode = WHvX64InterruptTriggerModeLevel, .Destination = destination, .Vector = vector};
    struct kvm_msi message = message_of(&to_all);
    struct kvm_irq_routing_entry entry = {.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI};
    entry.u.msi.address_lo = message.address_lo;
    entry.u.msi.address_hi = message.address_hi;
    entry.u.msi.data = message.data;
    return entry;
}

/* R-APIC-06: from its first level-triggered interrupt on, the ends of a vector are told. */
static HRESULT watch_ends(struct partition *partition, uint32_t vector)
{
    HRESULT result = S_OK;
    host_acquire(&partition->lock);
    if (!partition->level_vectors[vector])
    {
        struct
        {
            struct kvm_irq_routing header;
            struct kvm_irq_routing_entry entries[EOI_PINS];
        } routes;
        memset(&routes, 0, sizeof routes);
        partition->level_vectors[vector] = 1;
        const uint32_t all_by_8_bits = 0xFF, all_by_32_bits = 0xFFFFFFFF;
        bool is_wide = partition->apic_mode == WHvX64LocalApicEmulationModeX2Apic; /* an APIC there may be in either mode */
        uint32_t *pins = &routes.header.nr;
        for (uint32_t i = 0; i < VECTOR_COUNT && *pins < EOI_PINS - 1; i++)
        {
            if (partition->level_vectors[i])
            {
                routes.entries[*pins] = eoi_route(*pins, i, all_by_8_bits);
                *pins += 1;
            }
            if (partition->level_vectors[i] && is_wide)
            {
                routes.entries[*pins] = eoi_route(*pins, i, all_by_32_bits);
                *pins += 1;
            }
        }
        result = kvm_result(host_ioctl(partition->fd, KVM_SET_GSI_ROUTING, &routes), "KVM_SET_GSI_ROUTING");
    }
    host_release(&partition->lock);
    return result;
}

/* KVM tells of all ends of a watched vector; the APIC knows whether the interrupt was a level one. */
bool interrupt_was_level(struct vp *vp, uint32_t vector)
{
    const uint32_t trigger_mode_registers = 0x180;
    struct kvm_lapic_state state;
    if (host_ioctl(vp->fd, KVM_GET_LAPIC, &state) < 0)
    {
        return true;
    }
    uint32_t word;
    memcpy(&word, &state.regs[trigger_mode_registers + vector / 32 * 16], sizeof word);
    return word >> (vector % 32) & 1;
}

/* R-INT-06: KVM takes it at the next entry, since its window is open. */
HRESULT external_interrupt(struct vp *vp)
{
    struct kvm_interrupt interrupt = {.irq = vp->external & 0xFF};
    vp->external = 0;
    return kvm_result(host_ioctl(vp->fd, KVM_INTERRUPT, &interrupt), "KVM_INTERRUPT");
}

/* R-IRQ-06: what the local APICs say of who is meant (Intel SDM vol. 3A, 11.6.2). */
static bool is_target(struct vp *vp, UINT64 destination, bool is_logical)
{
    enum { ID = 0x20, LDR = 0xD0, DFR = 0xE0, X2APIC = 1 << 10 };
    const uint32_t flat = 0xFFFFFFFF, broadcast = 0xFF, wide_broadcast = 0xFFFFFFFF;
    struct kvm_lapic_state state;
    struct kvm_sregs sregs;
    vp_visit(vp);
    memset(&state, 0, sizeof state);
    bool is_known = host_ioctl(vp->fd, KVM_GET_LAPIC, &state) >= 0 && host_ioctl(vp->fd, KVM_GET_SREGS, &sregs) >= 0;
    vp_leave(vp);
    uint32_t id, logical, format;
    memcpy(&id, &state.regs[ID], sizeof id);
    memcpy(&logical, &state.regs[LDR], sizeof logical);
    memcpy(&format, &state.regs[DFR], sizeof format);
    if (!is_known)
    {
        return false;
    }
    if (sregs.apic_base & X2APIC)
    {
        bool is_cluster = logical >> 16 == destination >> 16 && (logical & destination & 0xFFFF) != 0;
        return destination == wide_broadcast || (is_logical ? is_cluster : destination == vp->index);
    }
    id >>= 24;
    logical >>= 24;
    if (destination == broadcast || !is_logical)
    {
        return destination == broadcast || destination == id;
    }
    return format == flat ? (logical & destination) != 0 : logical >> 4 == (destination >> 4 & 0xF) && (logical & destination & 0xF) != 0;
}

HRESULT WINAPI WHvGetInterruptTargetVpSet(WHV_PARTITION_HANDLE handle, UINT64 destination, WHV_INTERRUPT_DESTINATION_MODE mode, UINT32 *targets, UINT32 room,
                                          UINT32 *count)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    if (targets == NULL || count == NULL || (uint32_t)mode > WHvX64InterruptDestinationModeLogical)
    {
        return E_INVALIDARG;
    }
    if (partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        return HV_E_INVALID_PARTITION_STATE; /* R-IRQ-02 */
    }
    *count = 0;
    for (uint32_t i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] == NULL || !is_target(partition->vps[i], destination, mode == WHvX64InterruptDestinationModeLogical))
        {
            continue;
        }
        if (*count < room)
        {
            targets[*count] = i;
        }
        *count += 1;
    }
    return *count <= room ? S_OK : WHV_E_INSUFFICIENT_BUFFER;
}

/* LINT1 does what its entry says; an NMI is what it is for. */
static bool is_lint1_nmi(struct vp *vp)
{
    const uint32_t lint1 = 0x360, masked = 1 << 16, mode_mask = 7 << 8, mode_nmi = 4 << 8;
    struct kvm_lapic_state state = {.regs = {0}};
    uint32_t entry;
    if (host_ioctl(vp->fd, KVM_GET_LAPIC, &state) < 0)
    {
        return false;
    }
    memcpy(&entry, &state.regs[lint1], sizeof entry);
    return !(entry & masked) && (entry & mode_mask) == mode_nmi;
}

/* R-IRQ-05, R-IRQ-07: by KVM_NMI, since KVM_SIGNAL_MSI loses NMIs on some hosts. */
static HRESULT non_maskable(struct partition *partition, const WHV_INTERRUPT_CONTROL *interrupt)
{
    bool is_logical = interrupt->DestinationMode == WHvX64InterruptDestinationModeLogical;
    HRESULT result = S_OK;
    for (uint32_t i = 0; i < MAX_VPS && result == S_OK; i++)
    {
        struct vp *vp = partition->vps[i];
        if (vp == NULL || !is_target(vp, interrupt->Destination, is_logical))
        {
            continue;
        }
        vp_visit(vp);
        if (interrupt->Type == WHvX64InterruptTypeNmi || is_lint1_nmi(vp))
        {
            result = kvm_result(host_ioctl_value(vp->fd, KVM_NMI, 0), "KVM_NMI");
        }
        vp_leave(vp);
    }
    return result;
}

HRESULT WINAPI WHvRequestInterrupt(WHV_PARTITION_HANDLE handle, const WHV_INTERRUPT_CONTROL *interrupt, UINT32 size)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    if (interrupt == NULL || size < sizeof *interrupt)
    {
        return E_INVALIDARG; /* R-IRQ-01 */
    }
    if (partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        return HV_E_INVALID_PARTITION_STATE; /* R-IRQ-02 */
    }
    bool has_vector = interrupt->Type == WHvX64InterruptTypeFixed || interrupt->Type == WHvX64InterruptTypeLowestPriority;
    bool is_known = has_vector || interrupt->Type == WHvX64InterruptTypeNmi || interrupt->Type == WHvX64InterruptTypeInit ||
                    interrupt->Type == WHvX64InterruptTypeSipi || interrupt->Type == WHvX64InterruptTypeLocalInt1;
    bool is_level = interrupt->TriggerMode == WHvX64InterruptTriggerModeLevel;
    if (!is_known || interrupt->Reserved != 0 || interrupt->DestinationMode > WHvX64InterruptDestinationModeLogical ||
        interrupt->TriggerMode > WHvX64InterruptTriggerModeLevel || interrupt->Vector >= VECTOR_COUNT || (has_vector && interrupt->Vector < FIRST_VECTOR) ||
        (is_level && !has_vector))
    {
        return HV_E_INVALID_PARAMETER; /* R-IRQ-03 */
    }
    if (interrupt->Type == WHvX64InterruptTypeLocalInt1 || interrupt->Type == WHvX64InterruptTypeNmi)
    {
        return non_maskable(partition, interrupt);
    }
    result = is_level ? watch_ends(partition, interrupt->Vector) : S_OK;
    if (result == S_OK)
    {
        struct kvm_msi message = message_of(interrupt);
        int64_t sent = host_ioctl(partition->fd, KVM_SIGNAL_MSI, &message);
        /* R-IRQ-04: -EPERM says that nobody is there to take it, which a bus does not tell. */
        result = sent == -HOST_EPERM ? S_OK : kvm_result(sent, "KVM_SIGNAL_MSI");
    }
    return result;
}
