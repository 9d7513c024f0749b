#include "undo.h"
#include <string.h>

/* ---- stores, found from behind ---- */

enum { BEFORE = 64, AFTER = 16, RFLAGS_DF = 1 << 10 };

/* The bytes around RIP, as far as there is memory. */
struct code
{
    uint8_t bytes[BEFORE + AFTER];
    uint32_t before; /* bytes in front of RIP */
    uint32_t count;
    uint32_t mode;
};

static void read_code(struct vp *vp, struct code *code)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    code->mode = decode_mode(sregs);
    UINT64 rip = linear_address(sregs, 1, VP_REGS(vp)->rip, code->mode);
    code->before = BEFORE;
    code->count = paging_read(vp, rip - BEFORE, code->bytes, BEFORE + AFTER);
    if (code->count < BEFORE) /* the page before is none */
    {
        code->before = (uint32_t)(rip % PAGE_SIZE_4K) < BEFORE ? (uint32_t)(rip % PAGE_SIZE_4K) : BEFORE;
        code->count = paging_read(vp, rip - code->before, code->bytes, code->before + AFTER);
    }
}

/* Adds to an index register as an instruction with this address size does. */
static void add(struct kvm_regs *regs, uint32_t number, int64_t delta, uint32_t address_size)
{
    __u64 *place = register_place(regs, number);
    UINT64 mask = address_size == 2 ? 0xFFFF : address_size == 4 ? 0xFFFFFFFF : ~0ull;
    *place = (*place & ~mask) | ((*place + (UINT64)delta) & mask);
}

static uint32_t item_size(const struct instruction *in) { return in->opcode & 1 ? (in->operand_size == 8 && in->opcode < 0x70 ? 4 : in->operand_size) : 1; }

static int64_t string_step(const struct kvm_regs *regs, const struct instruction *in)
{
    return regs->rflags & RFLAGS_DF ? -(int64_t)item_size(in) : (int64_t)item_size(in);
}

static uint32_t stack_item(const struct instruction *in, uint32_t mode) { return mode == 8 ? (in->has_operand_size ? 2 : 8) : in->operand_size; }

static uint32_t stack_size(const struct kvm_sregs *sregs, uint32_t mode) { return mode == 8 ? 8 : sregs->ss.db ? 4 : 2; }

static bool is_push(const struct instruction *in)
{
    return in->map == 0 && !in->is_vex && ((in->opcode >= 0x50 && in->opcode <= 0x57) || in->opcode == 0x68 || in->opcode == 0x6A || in->opcode == 0x9C ||
                                           (in->opcode == 0xFF && (in->modrm >> 3 & 7) == 6));
}

static bool is_pop_to_memory(const struct instruction *in) { return in->map == 0 && !in->is_vex && in->opcode == 0x8F && in->has_memory; }

/* Registers as they were before the instruction, which has run to its end: only what a store may change. */
static void step_back(struct kvm_regs *regs, const struct kvm_sregs *sregs, const struct instruction *in, uint32_t mode)
{
    const uint32_t rcx = 1, rsp = 4, rsi = 6, rdi = 7;
    if (is_string(in))
    {
        int64_t step = string_step(regs, in);
        bool has_source = in->opcode == 0xA4 || in->opcode == 0xA5 || in->opcode == 0x6E || in->opcode == 0x6F;
        bool has_destination = in->opcode != 0x6E && in->opcode != 0x6F;
        add(regs, rsi, has_source ? -step : 0, in->address_size);
        add(regs, rdi, has_destination ? -step : 0, in->address_size);
        add(regs, rcx, in->repeat ? 1 : 0, in->address_size);
    }
    else if (is_push(in) || is_pop_to_memory(in))
    {
        int64_t size = stack_item(in, mode);
        add(regs, rsp, is_push(in) ? size : -size, stack_size(sregs, mode));
    }
}

/* The size of what is written where the opcode tells it; 0 where any will do; -1 where the instruction is no store. */
static int store_size(const struct instruction *in, uint32_t mode)
{
    uint32_t group = in->modrm >> 3 & 7, key = in->map << 8 | in->opcode;
    if (is_push(in) || is_pop_to_memory(in))
    {
        return (int)stack_item(in, mode);
    }
    if (is_string(in))
    {
        bool is_store = in->opcode == 0xA4 || in->opcode == 0xA5 || in->opcode == 0xAA || in->opcode == 0xAB;
        return is_store ? (int)item_size(in) : -1;
    }
    if (!in->has_memory)
    {
        return -1;
    }
    switch (key)
    {
        case 0x88: /* MOV */
        case 0xA2:
            return 1;
        case 0x8C:
            return 2;
        case 0xC6:
            return group == 0 ? 1 : -1;
        case 0x89:
        case 0xA3:
            return (int)in->operand_size;
        case 0xC7:
            return group == 0 ? (int)in->operand_size : -1;
        case 0xD9: /* x87 stores */
            return group == 2 || group == 3 ? 4 : group >= 6 ? 0 : -1;
        case 0xDB:
            return group >= 1 && group <= 3 ? 4 : group == 7 ? 10 : -1;
        case 0xDD:
            return group >= 1 && group <= 3 ? 8 : group >= 6 ? 0 : -1;
        case 0xDF:
            return group >= 1 && group <= 3 ? 2 : group >= 6 ? 0 : -1;
        case 0x100: /* SLDT, STR */
            return group <= 1 ? 2 : -1;
        case 0x101: /* SGDT, SIDT, SMSW */
            return group <= 1 || group == 4 ? 0 : -1;
        case 0x111: /* SSE stores */
        case 0x113:
        case 0x117:
        case 0x129:
        case 0x12B:
        case 0x17F:
        case 0x1D6:
        case 0x1E7:
            return 0;
        case 0x17E: /* with F3 it loads */
            return in->repeat == 0xF3 ? -1 : 0;
        case 0x1AE: /* FXSAVE, STMXCSR, XSAVE, XSAVEOPT */
            return group == 0 || group == 3 || group == 4 || group == 6 ? 0 : -1;
        case 0x1C3: /* MOVNTI */
            return (int)in->operand_size;
        case 0x2F1: /* MOVBE; with F2 it is CRC32 */
            return in->repeat == 0xF2 ? -1 : (int)in->operand_size;
        default:
            return key >= 0x190 && key <= 0x19F ? 1 : -1; /* SETcc */
    }
}

/* R-UNDO-05: instructions that read what they write. KVM tells of their write first where the memory can be read: ROM, most of all. */
static int update_size(const struct instruction *in)
{
    uint32_t group = in->modrm >> 3 & 7, key = in->map << 8 | in->opcode;
    int size = in->opcode & 1 ? (int)in->operand_size : 1;
    bool is_rotation_through_carry = group == 2 || group == 3;
    if (!in->has_memory || in->is_vex)
    {
        return -1;
    }
    if (key < 0x38 && (key & 6) == 0) /* ADD, OR, ADC, SBB, AND, SUB, XOR to memory */
    {
        return size;
    }
    switch (key)
    {
        case 0x80:
        case 0x81:
            return group != 7 ? size : -1;
        case 0x83:
            return group != 7 ? (int)in->operand_size : -1;
        case 0x86: /* XCHG */
        case 0x87:
        case 0x1C0: /* XADD */
        case 0x1C1:
            return size;
        case 0xC0: /* shifts and rotations */
        case 0xC1:
        case 0xD0:
        case 0xD1:
        case 0xD2:
        case 0xD3:
            return is_rotation_through_carry ? -1 : size;
        case 0xF6: /* NOT, NEG */
        case 0xF7:
            return group == 2 || group == 3 ? size : -1;
        case 0xFE: /* INC, DEC */
        case 0xFF:
            return group <= 1 ? size : -1;
        case 0x1A4: /* SHLD, SHRD */
        case 0x1A5:
        case 0x1AC:
        case 0x1AD:
            return (int)in->operand_size;
        case 0x1AB: /* BTS, BTR, BTC */
        case 0x1B3:
        case 0x1BB:
            return (int)in->operand_size;
        case 0x1BA:
            return group >= 5 ? (int)in->operand_size : -1;
        default:
            return -1;
    }
}

/* Where a bit instruction with its index in a register goes: not necessarily to its operand. */
static UINT64 bit_displacement(const struct kvm_regs *regs, const struct instruction *in)
{
    uint32_t key = in->map << 8 | in->opcode;
    if (key != 0x1AB && key != 0x1B3 && key != 0x1BB)
    {
        return 0;
    }
    UINT64 index = register_value(regs, (in->modrm >> 3 & 7) | (in->rex & 4) << 1);
    int64_t number = in->operand_size == 2 ? (int16_t)index : in->operand_size == 4 ? (int32_t)index : (int64_t)index;
    return (UINT64)(number >> 3) & ~(UINT64)(in->operand_size - 1);
}

/* Registers that such an instruction has changed and needs unchanged to run again: flags come anew, but for the carry that goes in. */
static void restore_update(struct vp *vp, const struct instruction *in, const struct access *access)
{
    enum { CARRY = 1 };
    struct kvm_regs *regs = VP_REGS(vp);
    uint32_t key = in->map << 8 | in->opcode, group = in->modrm >> 3 & 7, number = group | (in->rex & 4) << 1;
    uint32_t size = (uint32_t)update_size(in);
    UINT64 mask = size == 8 ? ~0ull : (1ull << (size * 8)) - 1, memory = 0;
    memcpy(&memory, memory_pointer(vp->partition, access->address), size);
    bool is_exchange = key == 0x86 || key == 0x87, is_exchange_and_add = key == 0x1C0 || key == 0x1C1;
    if (is_exchange || is_exchange_and_add)
    {
        bool is_high_byte = size == 1 && !in->rex && number >= 4;
        UINT64 before = (is_exchange ? access->data : access->data - memory) & mask;
        __u64 *place = register_place(regs, is_high_byte ? number - 4 : number);
        *place = is_high_byte ? (*place & ~0xFF00ull) | before << 8 : (*place & ~mask) | before;
    }
    bool is_immediate = key == 0x80 || key == 0x81 || key == 0x83;
    uint32_t operation = is_immediate ? group : key < 0x38 ? key >> 3 : 0;
    bool adds = operation == 2, subtracts = operation == 3;
    if (adds || subtracts) /* ADC, SBB */
    {
        UINT64 source = is_immediate ? (key == 0x81 ? (UINT64)(int32_t)in->immediate : (UINT64)(int8_t)in->immediate) : register_value(regs, number);
        source = !is_immediate && size == 1 && !in->rex && number >= 4 ? register_value(regs, number - 4) >> 8 : source;
        UINT64 carry = (adds ? access->data - memory - source : memory - source - access->data) & mask;
        regs->rflags = (regs->rflags & ~(UINT64)CARRY) | (carry == 1 ? CARRY : 0);
    }
}

/* Whether a MOV stores this; true where the instruction is none. */
static bool stores_data(const struct kvm_regs *regs, const struct instruction *in, const struct access *access)
{
    uint32_t key = in->map << 8 | in->opcode, number = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
    UINT64 value;
    if (key == 0x88 || key == 0x89)
    {
        bool is_high_byte = key == 0x88 && !in->rex && number >= 4;
        value = is_high_byte ? register_value(regs, number - 4) >> 8 : register_value(regs, number);
    }
    else if (key == 0xA2 || key == 0xA3)
    {
        value = regs->rax;
    }
    else if (key == 0xC6 || key == 0xC7)
    {
        value = in->operand_size == 8 ? (UINT64)(int32_t)in->immediate : in->immediate;
    }
    else
    {
        return true;
    }
    UINT64 mask = access->data_size >= 8 ? ~0ull : (1ull << (access->data_size * 8)) - 1;
    return ((value ^ access->data) & mask) == 0;
}

static bool leads_to(struct vp *vp, UINT64 linear, UINT64 address)
{
    UINT64 gpa;
    return paging_translate(vp, linear, 0, &gpa) == WHvTranslateGvaResultSuccess && gpa == address;
}

/* Whether the instruction, run from these registers, does the access. */
static bool does_access(struct vp *vp, const struct kvm_regs *before, const struct kvm_regs *after, const struct instruction *in, UINT64 rip, uint32_t mode,
                        const struct access *access)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    if (access->is_port)
    {
        bool by_immediate = in->map == 0 && (in->opcode == 0xE6 || in->opcode == 0xE7), by_dx = in->map == 0 && (in->opcode == 0xEE || in->opcode == 0xEF);
        bool is_outs = in->map == 0 && (in->opcode == 0x6E || in->opcode == 0x6F);
        uint32_t size = in->opcode & 1 ? (in->operand_size == 2 ? 2 : 4) : 1;
        UINT64 port = by_immediate ? in->immediate : before->rdx & 0xFFFF;
        return !in->is_vex && (by_immediate || by_dx || is_outs) && size == access->size && port == access->address;
    }
    int size = store_size(in, mode);
    if (size < 0 && memory_pointer(vp->partition, access->address) != NULL && update_size(in) == (int)access->size)
    {
        return leads_to(vp, decode_address(in, before, sregs, rip) + bit_displacement(before, in), access->address);
    }
    if (size < 0 || (size > 0 && (uint32_t)size != access->size) || !stores_data(before, in, access))
    {
        return false;
    }
    if (is_string(in))
    {
        UINT64 mask = in->address_size == 2 ? 0xFFFF : in->address_size == 4 ? 0xFFFFFFFF : ~0ull;
        return leads_to(vp, linear_address(sregs, 0, before->rdi & mask, mode), access->address);
    }
    if (is_push(in))
    {
        UINT64 mask = stack_size(sregs, mode) == 2 ? 0xFFFF : stack_size(sregs, mode) == 4 ? 0xFFFFFFFF : ~0ull;
        return leads_to(vp, linear_address(sregs, 2, after->rsp & mask, mode), access->address);
    }
    /* POP computes its operand's address with the stack pointer already moved. */
    return leads_to(vp, decode_address(in, is_pop_to_memory(in) ? after : before, sregs, rip), access->address);
}

/* How many ways of reading the bytes before come by this place: x86 code falls into step with itself after a few instructions. */
static uint32_t votes_for(const struct code *code, uint32_t place, uint32_t entry)
{
    uint32_t votes = 0;
    for (uint32_t first = 0; first <= place; first++)
    {
        uint32_t at = first;
        struct instruction in;
        while (at < place)
        {
            at += decode(code->bytes + at, code->count - at, code->mode, &in) ? in.length : 1;
        }
        const uint32_t certainty = 1000; /* the guest was entered there: an instruction starts there */
        votes += at != place ? 0 : first == entry ? certainty : 1;
    }
    return votes;
}

/* R-UNDO-03: the store, or OUT, that ends at RIP. */
static bool find_before(struct vp *vp, const struct code *code, const struct access *access, struct instruction *found)
{
    const struct kvm_regs *after = VP_REGS(vp);
    UINT64 distance = after->rip - vp->entry_rip;
    uint32_t entry = distance <= code->before ? code->before - (uint32_t)distance : ~0u;
    uint32_t best = 0;
    for (uint32_t length = 1; length <= MAX_INSTRUCTION && length <= code->before; length++)
    {
        uint32_t place = code->before - length;
        struct instruction in;
        if (!decode(code->bytes + place, length, code->mode, &in) || in.length != length || (in.repeat && is_string(&in)))
        {
            continue;
        }
        struct kvm_regs before = *after;
        step_back(&before, VP_SREGS(vp), &in, code->mode);
        if (!does_access(vp, &before, after, &in, after->rip - length, code->mode, access))
        {
            continue;
        }
        uint32_t votes = votes_for(code, place, entry);
        if (votes > best)
        {
            best = votes;
            *found = in;
        }
    }
    return best > 0;
}

/* R-UNDO-04: a repeated store stands at its instruction until the last turn is over. */
static bool is_repeat_at_hand(struct vp *vp, const struct code *code, const struct access *access, struct instruction *found)
{
    const struct kvm_regs *after = VP_REGS(vp);
    if (!decode(code->bytes + code->before, code->count - code->before, code->mode, found) || !found->repeat || !is_string(found))
    {
        return false;
    }
    struct kvm_regs before = *after;
    step_back(&before, VP_SREGS(vp), found, code->mode);
    if (!does_access(vp, &before, after, found, after->rip, code->mode, access))
    {
        return false;
    }
    if (access->is_port) /* it may as well be the OUTS that follows an OUT: then its item is still to come */
    {
        UINT64 data = 0, mask = found->address_size == 2 ? 0xFFFF : found->address_size == 4 ? 0xFFFFFFFF : ~0ull;
        paging_read(vp, linear_address(VP_SREGS(vp), found->segment, before.rsi & mask, code->mode), &data, access->size);
        return data == access->data;
    }
    return true;
}

static bool undo_write(struct vp *vp, const struct access *access, struct instruction *found)
{
    struct code code;
    read_code(vp, &code);
    bool is_repeat = is_repeat_at_hand(vp, &code, access, found);
    if (!is_repeat && !find_before(vp, &code, access, found))
    {
        return false;
    }
    struct kvm_regs *regs = VP_REGS(vp);
    if (!access->is_port && store_size(found, code.mode) < 0)
    {
        restore_update(vp, found, access);
    }
    step_back(regs, VP_SREGS(vp), found, code.mode);
    regs->rip -= is_repeat ? 0 : found->length;
    vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    return true;
}

/* ---- reads: RIP is at the instruction ---- */

/* What finishing a read with zeros might spoil beside registers. */
struct spoils
{
    UINT64 linear;
    uint8_t bytes[1024];
    uint32_t size;
    struct kvm_fpu fpu;
    bool has_fpu;
};

/* R-UNDO-02 */
static void save_spoils(struct vp *vp, const struct access *access, const struct instruction *in, struct spoils *spoils)
{
    const struct kvm_regs *regs = VP_REGS(vp);
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    uint32_t mode = decode_mode(sregs), group = in->modrm >> 3 & 7;
    UINT64 mask = in->address_size == 2 ? 0xFFFF : in->address_size == 4 ? 0xFFFFFFFF : ~0ull;
    bool is_copy = in->map == 0 && (in->opcode == 0x6C || in->opcode == 0x6D || in->opcode == 0xA4 || in->opcode == 0xA5); /* INS, MOVS */
    bool is_pushing = in->map == 0 && in->opcode == 0xFF && (group == 2 || group == 3 || group == 6);
    spoils->size = 0;
    if (is_copy)
    {
        bool is_block = access->is_port && !(regs->rflags & RFLAGS_DF);
        spoils->linear = linear_address(sregs, 0, regs->rdi & mask, mode);
        spoils->size = access->size * (is_block ? access->count : 1);
    }
    else if (is_pushing)
    {
        const uint32_t largest = 16; /* a far call's two items */
        UINT64 stack_mask = stack_size(sregs, mode) == 2 ? 0xFFFF : stack_size(sregs, mode) == 4 ? 0xFFFFFFFF : ~0ull;
        spoils->linear = linear_address(sregs, 2, (regs->rsp - largest) & stack_mask, mode);
        spoils->size = largest;
    }
    spoils->size = spoils->size < sizeof spoils->bytes ? spoils->size : sizeof spoils->bytes;
    spoils->size = paging_read(vp, spoils->linear, spoils->bytes, spoils->size);

    bool is_x87 = in->map == 0 && in->opcode >= 0xD8 && in->opcode <= 0xDF;
    bool is_vector = in->map >= 1 && in->has_memory && !(in->opcode >= 0x80 && in->opcode <= 0xCF) && !(in->opcode >= 0x40 && in->opcode <= 0x4F);
    spoils->has_fpu = (is_x87 || is_vector) && host_ioctl(vp->fd, KVM_GET_FPU, &spoils->fpu) >= 0;
}

static bool undo_read(struct vp *vp, const struct access *access, struct instruction *in)
{
    struct code code;
    struct spoils spoils = {.size = 0};
    read_code(vp, &code);
    if (!decode(code.bytes + code.before, code.count - code.before, code.mode, in))
    {
        memset(in, 0, sizeof *in);
    }
    struct kvm_regs regs = *VP_REGS(vp);
    struct kvm_sregs sregs = *VP_SREGS(vp);
    struct kvm_vcpu_events events = *VP_EVENTS(vp);
    save_spoils(vp, access, in, &spoils);
    if (in->repeat && is_string(in)) /* this turn shall be its last, or KVM goes on to the next item */
    {
        VP_REGS(vp)->rcx = 1;
        vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    }
    vp_complete(vp);

    paging_write(vp, spoils.linear, spoils.bytes, spoils.size);
    if (spoils.has_fpu)
    {
        host_ioctl(vp->fd, KVM_SET_FPU, &spoils.fpu);
    }
    in->length = in->length == 0 && VP_REGS(vp)->rip != regs.rip ? (uint32_t)(VP_REGS(vp)->rip - regs.rip) & 15 : in->length;
    UINT64 dirty = memcmp(&regs, VP_REGS(vp), sizeof regs) != 0 ? KVM_SYNC_X86_REGS : 0;
    dirty |= memcmp(&sregs, VP_SREGS(vp), sizeof sregs) != 0 ? KVM_SYNC_X86_SREGS : 0;
    dirty |= memcmp(&events, VP_EVENTS(vp), sizeof events) != 0 ? KVM_SYNC_X86_EVENTS : 0;
    *VP_REGS(vp) = regs;
    *VP_SREGS(vp) = sregs;
    *VP_EVENTS(vp) = events;
    vp->run->kvm_dirty_regs |= dirty;
    return true;
}

bool undo(struct vp *vp, struct access *access, struct instruction *in)
{
    if (!access->is_write)
    {
        return undo_read(vp, access, in); /* R-UNDO-01 */
    }
    /* An OUT may be half done (RIP still there, KVM's quick way) or done (its emulator's way): finishing tells which. */
    struct kvm_regs at_exit = *VP_REGS(vp);
    uint32_t parts = access->size;
    access->data_size = access->size;
    while (vp_complete(vp) == 0 && vp->run->exit_reason == KVM_EXIT_MMIO && vp->run->mmio.is_write && parts < 4096)
    {
        parts += vp->run->mmio.len; /* a store across 8 bytes or a page comes in parts */
    }
    access->size = access->is_port ? access->size : parts;
    if (access->is_port && VP_REGS(vp)->rip != at_exit.rip)
    {
        struct code code;
        *VP_REGS(vp) = at_exit;
        vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
        read_code(vp, &code);
        return decode(code.bytes + code.before, code.count - code.before, code.mode, in);
    }
    return undo_write(vp, access, in);
}
