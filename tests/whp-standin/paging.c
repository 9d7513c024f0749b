/* R-GVA: the guest's page tables, walked as the processor does. KVM_TRANSLATE tells no access rights, so the walk is done here. */
#include "standin.h"
#include <string.h>

enum { PTE_PRESENT = 1, PTE_WRITABLE = 2, PTE_USER = 4, PTE_ACCESSED = 0x20, PTE_DIRTY = 0x40, PTE_LARGE = 0x80 };
#define PTE_NO_EXECUTE (1ull << 63)
#define ADDRESS_MASK 0x000FFFFFFFFFF000ull
enum { CR0_WP = 1 << 16, CR4_PSE = 1 << 4, CR4_PAE = 1 << 5, CR4_LA57 = 1 << 12, CR4_SMEP = 1 << 20 };
#define CR0_PG (1u << 31)
enum { EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

struct walk
{
    struct vp *vp;
    UINT64 gva;
    uint32_t flags;
    bool is_user, is_writable, is_executable; /* what all levels so far allow */
    uint8_t *entries[5];                      /* for SetPageTableBits */
    int level_count;
};

static bool read_entry(struct walk *walk, UINT64 gpa, uint32_t size, UINT64 *entry)
{
    uint8_t *pointer = memory_pointer(walk->vp->partition, gpa);
    if (pointer == NULL)
    {
        return false;
    }
    *entry = 0;
    memcpy(entry, pointer, size);
    walk->entries[walk->level_count++] = pointer;
    return true;
}

static void allow(struct walk *walk, UINT64 entry, bool has_no_execute)
{
    walk->is_user = walk->is_user && (entry & PTE_USER);
    walk->is_writable = walk->is_writable && (entry & PTE_WRITABLE);
    walk->is_executable = walk->is_executable && !(has_no_execute && (entry & PTE_NO_EXECUTE));
}

static WHV_TRANSLATE_GVA_RESULT_CODE check_rights(const struct walk *walk)
{
    const struct kvm_sregs *sregs = VP_SREGS(walk->vp);
    bool as_user = sregs->ss.dpl == 3 && !(walk->flags & WALK_PRIVILEGED);
    if (as_user && !walk->is_user && (walk->flags & (WALK_READ | WALK_WRITE | WALK_EXECUTE)))
    {
        return WHvTranslateGvaResultPrivilegeViolation;
    }
    if ((walk->flags & WALK_WRITE) && !walk->is_writable && (as_user || (sregs->cr0 & CR0_WP)))
    {
        return WHvTranslateGvaResultPrivilegeViolation;
    }
    bool breaks_smep = !as_user && walk->is_user && (sregs->cr4 & CR4_SMEP);
    if ((walk->flags & WALK_EXECUTE) && (!walk->is_executable || breaks_smep))
    {
        return WHvTranslateGvaResultPrivilegeViolation;
    }
    return WHvTranslateGvaResultSuccess;
}

/* R-GVA-05: accessed bits on all levels, dirty on the last where a write is validated. */
static void set_bits(struct walk *walk)
{
    for (int i = 0; i < walk->level_count; i++)
    {
        bool is_leaf = i == walk->level_count - 1;
        uint8_t bits = PTE_ACCESSED | (is_leaf && (walk->flags & WALK_WRITE) ? PTE_DIRTY : 0);
        __atomic_fetch_or(walk->entries[i], bits, __ATOMIC_SEQ_CST);
    }
}

static WHV_TRANSLATE_GVA_RESULT_CODE walk_tables(struct walk *walk, UINT64 *gpa)
{
    const struct kvm_sregs *sregs = VP_SREGS(walk->vp);
    bool is_long = sregs->efer & EFER_LMA, is_pae = is_long || (sregs->cr4 & CR4_PAE);
    bool has_no_execute = sregs->efer & EFER_NXE;
    uint32_t entry_size = is_pae ? 8 : 4, index_bits = is_pae ? 9 : 10;
    int level = is_long ? (sregs->cr4 & CR4_LA57 ? 5 : 4) : is_pae ? 3 : 2;
    UINT64 table = is_long ? sregs->cr3 & ADDRESS_MASK : is_pae ? sregs->cr3 & 0xFFFFFFE0 : sregs->cr3 & 0xFFFFF000;
    bool is_pointer_level = is_pae && !is_long; /* the four entries of PAE's top level know no rights */

    for (;; level--)
    {
        uint32_t shift = 12 + (uint32_t)(level - 1) * index_bits;
        UINT64 index = walk->gva >> shift & (is_pointer_level ? 3u : (1u << index_bits) - 1), entry;
        if (!read_entry(walk, table + index * entry_size, entry_size, &entry))
        {
            return WHvTranslateGvaResultGpaUnmapped;
        }
        if (!(entry & PTE_PRESENT))
        {
            return WHvTranslateGvaResultPageNotPresent;
        }
        if (is_pointer_level)
        {
            walk->level_count = 0; /* nor accessed bits */
        }
        else
        {
            allow(walk, entry, has_no_execute);
        }
        bool can_be_large = level == 2 ? is_pae || (sregs->cr4 & CR4_PSE) : level == 3 && is_long;
        if (level == 1 || (can_be_large && (entry & PTE_LARGE)))
        {
            UINT64 offset_mask = (1ull << shift) - 1, base = entry & ADDRESS_MASK;
            if (!is_pae && level == 2)
            {
                base = (entry & 0xFFC00000) | (entry >> 13 & 0xFF) << 32; /* PSE-36 */
            }
            *gpa = (base & ~offset_mask) | (walk->gva & offset_mask);
            return check_rights(walk);
        }
        if ((entry & PTE_LARGE) && (level > 3 || (level == 3 && is_long)))
        {
            return WHvTranslateGvaResultInvalidPageTableFlags;
        }
        table = is_pae ? entry & ADDRESS_MASK : entry & 0xFFFFF000;
        is_pointer_level = false;
    }
}

WHV_TRANSLATE_GVA_RESULT_CODE paging_translate(struct vp *vp, UINT64 gva, uint32_t flags, UINT64 *gpa)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    if (!(sregs->cr0 & CR0_PG))
    {
        *gpa = gva & 0xFFFFFFFF; /* R-GVA-01 */
    }
    else
    {
        struct walk walk = {.vp = vp, .gva = gva, .flags = flags, .is_user = true, .is_writable = true, .is_executable = true};
        WHV_TRANSLATE_GVA_RESULT_CODE code = walk_tables(&walk, gpa);
        if (code != WHvTranslateGvaResultSuccess)
        {
            return code; /* R-GVA-02, R-GVA-03 */
        }
        if (flags & WALK_SET_BITS)
        {
            set_bits(&walk);
        }
    }
    if (flags & (WALK_READ | WALK_WRITE | WALK_EXECUTE)) /* R-GVA-04: and what the address leads to */
    {
        switch (memory_verdict(vp->partition, *gpa, flags & WALK_WRITE))
        {
            case ACCESS_UNMAPPED:
                return WHvTranslateGvaResultGpaUnmapped;
            case ACCESS_REFUSED:
                return flags & WALK_WRITE ? WHvTranslateGvaResultGpaNoWriteAccess : WHvTranslateGvaResultGpaNoReadAccess;
            default:
                break;
        }
    }
    return WHvTranslateGvaResultSuccess;
}

static uint32_t copy(struct vp *vp, UINT64 gva, uint8_t *data, uint32_t size, bool is_write)
{
    uint32_t done = 0;
    while (done < size)
    {
        UINT64 gpa;
        uint32_t in_page = PAGE_SIZE_4K - (uint32_t)((gva + done) % PAGE_SIZE_4K), part = size - done < in_page ? size - done : in_page;
        uint8_t *memory = paging_translate(vp, gva + done, 0, &gpa) == WHvTranslateGvaResultSuccess ? memory_pointer(vp->partition, gpa) : NULL;
        if (memory == NULL)
        {
            break;
        }
        memcpy(is_write ? memory : data + done, is_write ? data + done : memory, part);
        done += part;
    }
    return done;
}

/* As many bytes as there is memory for; rights are not asked. */
uint32_t paging_read(struct vp *vp, UINT64 gva, void *data, uint32_t size) { return copy(vp, gva, data, size, false); }

uint32_t paging_write(struct vp *vp, UINT64 gva, const void *data, uint32_t size) { return copy(vp, gva, (uint8_t *)(uintptr_t)data, size, true); }

HRESULT WINAPI WHvTranslateGva(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                               WHV_TRANSLATE_GVA_RESULT *answer, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK || answer == NULL || gpa == NULL)
    {
        return result != S_OK ? result : E_POINTER;
    }
    if (atomic_load(&vp->running))
    {
        return WHV_E_INVALID_VP_STATE; /* R-VP-05 */
    }
    result = vp_reload(vp);
    if (result == S_OK)
    {
        UINT64 found = 0;
        answer->ResultCode = paging_translate(vp, gva, (uint32_t)flags & 0x1F, &found);
        answer->Reserved = 0;
        bool is_known = answer->ResultCode == WHvTranslateGvaResultSuccess;
        *gpa = is_known || !switches.poison ? found : 0xCCCCCCCCCCCCCCCC; /* R-ABI-02 */
    }
    return result;
}
