#include "decode.h"
#include <string.h>

/* What follows each opcode: - nothing, m ModRM, b 8-bit immediate, z 16/32-bit immediate, w 16-bit immediate, v immediate of the
   operand's full size, M ModRM and 8 bits, Z ModRM and z, j relative z, o address, f far pointer, e 16 and 8 bits,
   g and G the groups F6 and F7, p prefix or escape, x no instruction. */
static const char one_byte[257] =
    "mmmmbz--mmmmbz-p" "mmmmbz--mmmmbz--" "mmmmbzp-mmmmbzp-" "mmmmbzp-mmmmbzp-"
    "----------------" "----------------" "--mmppppzZbM----" "bbbbbbbbbbbbbbbb"
    "MZMMmmmmmmmmmmmm" "----------f-----" "oooo----bz------" "bbbbbbbbvvvvvvvv"
    "MMw-mmMZe-w--b--" "mmmmbb--mmmmmmmm" "bbbbbbbbjjfb----" "p-pp--gG------mm";
static const char two_byte[257] =
    "mmmmx-----x-xm-M" "mmmmmmmmmmmmmmmm" "mmmmxxxxmmmmmmmm" "--------pxpxxxxx"
    "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "MMMMmmm-mmxxmmmm"
    "jjjjjjjjjjjjjjjj" "mmmmmmmmmmmmmmmm" "---mMmxx---mMmmm" "mmmmmmmmmmMmmmmm"
    "mmMmMMMm--------" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";

struct reader
{
    const uint8_t *bytes;
    uint32_t count, at;
    bool is_short;
};

static uint8_t next(struct reader *reader)
{
    if (reader->at >= reader->count || reader->at >= MAX_INSTRUCTION)
    {
        reader->is_short = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

static UINT64 number(struct reader *reader, uint32_t size)
{
    UINT64 value = 0;
    for (uint32_t i = 0; i < size; i++)
    {
        value |= (UINT64)next(reader) << (8 * i);
    }
    return value;
}

static int64_t signed_number(struct reader *reader, uint32_t size)
{
    UINT64 value = number(reader, size);
    return size == 1 ? (int8_t)value : size == 2 ? (int16_t)value : size == 4 ? (int32_t)value : (int64_t)value;
}

uint32_t decode_mode(const struct kvm_sregs *sregs)
{
    const uint32_t protection = 1, long_mode_active = 1 << 10;
    return !(sregs->cr0 & protection) ? 2 : (sregs->efer & long_mode_active) && sregs->cs.l ? 8 : sregs->cs.db ? 4 : 2;
}

static void read_prefixes(struct reader *reader, uint32_t mode, struct instruction *out, bool *has_address_size, bool *has_segment)
{
    for (;;)
    {
        uint8_t byte = next(reader);
        bool is_rex = mode == 8 && (byte & 0xF0) == 0x40;
        switch (byte)
        {
            case 0x26:
            case 0x2E:
            case 0x36:
            case 0x3E:
                if (mode != 8)
                {
                    out->segment = byte >> 3 & 3;
                    *has_segment = true;
                }
                break;
            case 0x64:
            case 0x65:
                out->segment = byte - 0x60;
                *has_segment = true;
                break;
            case 0x66:
                out->has_operand_size = true;
                break;
            case 0x67:
                *has_address_size = true;
                break;
            case 0xF0:
                break;
            case 0xF2:
            case 0xF3:
                out->repeat = byte;
                break;
            default:
                out->rex = is_rex ? byte : out->rex;
                if (!is_rex)
                {
                    reader->at -= reader->is_short ? 0 : 1;
                    return;
                }
                continue; /* a REX counts only right before the opcode */
        }
        out->rex = 0;
    }
}

static void read_memory_16(struct reader *reader, struct instruction *out, bool has_segment)
{
    static const uint8_t bases[8] = {3, 3, 5, 5, 6, 7, 5, 3}, indexes[8] = {6, 7, 6, 7, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER};
    uint32_t mod = out->modrm >> 6, rm = out->modrm & 7;
    bool is_absolute = mod == 0 && rm == 6;
    out->base = is_absolute ? NO_REGISTER : bases[rm];
    out->index = is_absolute ? NO_REGISTER : indexes[rm];
    out->displacement = is_absolute || mod == 2 ? (int64_t)number(reader, 2) : mod == 1 ? signed_number(reader, 1) : 0;
    out->segment = has_segment ? out->segment : out->base == 5 ? 2 : 3;
}

static void read_memory(struct reader *reader, struct instruction *out, uint32_t mode, bool has_segment, bool *is_rip_relative)
{
    uint32_t mod = out->modrm >> 6, rm = out->modrm & 7;
    const uint8_t stack = 4, frame = 5;
    if (rm == 4)
    {
        uint8_t sib = next(reader);
        out->scale = sib >> 6;
        out->index = (sib >> 3 & 7) | (out->rex & 2) << 2;
        out->index = out->index == stack ? NO_REGISTER : out->index;
        rm = sib & 7;
        out->base = (uint8_t)(rm | (out->rex & 1) << 3);
    }
    else
    {
        out->base = (uint8_t)(rm | (out->rex & 1) << 3);
        *is_rip_relative = mode == 8 && mod == 0 && rm == 5;
    }
    if (mod == 0 && rm == 5)
    {
        out->base = NO_REGISTER;
        out->displacement = signed_number(reader, 4);
    }
    else if (mod != 0)
    {
        out->displacement = signed_number(reader, mod == 1 ? 1 : 4);
    }
    out->segment = has_segment ? out->segment : out->base == stack || out->base == frame ? 2 : 3;
}

/* The two forms of VEX: their bytes stand for prefixes, REX and the escape. */
static bool read_vex(struct reader *reader, uint8_t first, struct instruction *out)
{
    uint8_t byte = next(reader), last = byte;
    out->rex = (byte & 0x80) ? 0 : 4;
    out->map = 1;
    if (first == 0xC4)
    {
        last = next(reader);
        out->rex = (uint8_t)((~byte >> 5 & 7) | (last >> 4 & 8));
        out->map = byte & 0x1F;
    }
    static const uint8_t repeats[4] = {0, 0, 0xF3, 0xF2};
    out->repeat = repeats[last & 3];
    out->has_operand_size = (last & 3) == 1;
    out->is_vex = true;
    out->opcode = next(reader);
    return out->map >= 1 && out->map <= 3;
}

static char read_opcode(struct reader *reader, uint32_t mode, struct instruction *out)
{
    out->opcode = next(reader);
    if (out->opcode == 0xC4 || out->opcode == 0xC5)
    {
        bool is_vex = mode == 8 || (reader->at < reader->count && reader->bytes[reader->at] >= 0xC0);
        if (is_vex && !read_vex(reader, out->opcode, out))
        {
            return 'x';
        }
    }
    else if (out->opcode == 0x62 && mode == 8)
    {
        return 'x'; /* EVEX: KVM emulates none of it */
    }
    else if (out->opcode == 0x0F)
    {
        out->opcode = next(reader);
        out->map = out->opcode == 0x38 ? 2 : out->opcode == 0x3A ? 3 : 1;
        out->opcode = out->map == 1 ? out->opcode : next(reader);
    }
    return out->map == 0 ? one_byte[out->opcode] : out->map == 1 ? two_byte[out->opcode] : out->map == 2 ? 'm' : 'M';
}

bool decode(const uint8_t *bytes, uint32_t count, uint32_t mode, struct instruction *out)
{
    struct reader reader = {.bytes = bytes, .count = count};
    bool has_address_size = false, has_segment = false, is_rip_relative = false;
    memset(out, 0, sizeof *out);
    out->segment = 3;
    out->base = out->index = NO_REGISTER;
    read_prefixes(&reader, mode, out, &has_address_size, &has_segment);
    char kind = read_opcode(&reader, mode, out);

    out->operand_size = out->rex & 8 ? 8 : mode == 2 ? (out->has_operand_size ? 4 : 2) : (out->has_operand_size ? 2 : 4);
    out->address_size = mode == 8 ? (has_address_size ? 4 : 8) : mode == 4 ? (has_address_size ? 2 : 4) : (has_address_size ? 4 : 2);
    uint32_t immediate_z = out->operand_size == 2 ? 2 : 4;
    if (kind == 'x' || kind == 'p')
    {
        return false;
    }
    if (strchr("mMZgG", kind) != NULL)
    {
        out->has_modrm = true;
        out->modrm = next(&reader);
        bool is_register = out->modrm >> 6 == 3 || (out->map == 1 && out->opcode >= 0x20 && out->opcode <= 0x23);
        if (!is_register)
        {
            out->has_memory = true;
            if (out->address_size == 2)
            {
                read_memory_16(&reader, out, has_segment);
            }
            else
            {
                read_memory(&reader, out, mode, has_segment, &is_rip_relative);
            }
        }
    }
    bool is_test = (out->modrm >> 3 & 7) <= 1;
    uint32_t immediate_size = 0;
    switch (kind)
    {
        case 'b':
        case 'M':
            immediate_size = 1;
            break;
        case 'w':
            immediate_size = 2;
            break;
        case 'z':
        case 'Z':
            immediate_size = immediate_z;
            break;
        case 'j':
            immediate_size = mode == 8 ? 4 : immediate_z;
            break;
        case 'v':
            immediate_size = out->operand_size;
            break;
        case 'f':
            immediate_size = immediate_z + 2;
            break;
        case 'e':
            immediate_size = 3;
            break;
        case 'g':
            immediate_size = is_test ? 1 : 0;
            break;
        case 'G':
            immediate_size = is_test ? immediate_z : 0;
            break;
        case 'o':
            out->has_memory = true;
            out->displacement = (int64_t)number(&reader, out->address_size);
            break;
        default:
            break;
    }
    out->immediate = number(&reader, immediate_size);
    out->length = reader.at;
    if (is_rip_relative)
    {
        out->base = 16; /* register_value knows no 16: decode_address adds the next instruction's address */
    }
    return !reader.is_short;
}

__u64 *register_place(struct kvm_regs *regs, uint32_t number)
{
    __u64 *const in_order[] = {&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
                               &regs->r8,  &regs->r9,  &regs->r10, &regs->r11, &regs->r12, &regs->r13, &regs->r14, &regs->r15};
    return in_order[number & 15];
}

UINT64 register_value(const struct kvm_regs *regs, uint32_t number) { return *register_place((struct kvm_regs *)(uintptr_t)regs, number); }

UINT64 linear_address(const struct kvm_sregs *sregs, uint32_t segment, UINT64 offset, uint32_t mode)
{
    const struct kvm_segment *const in_order[] = {&sregs->es, &sregs->cs, &sregs->ss, &sregs->ds, &sregs->fs, &sregs->gs};
    bool has_base = mode != 8 || segment >= 4;
    UINT64 linear = offset + (has_base ? in_order[segment]->base : 0);
    return mode == 8 ? linear : linear & 0xFFFFFFFF;
}

UINT64 decode_address(const struct instruction *in, const struct kvm_regs *regs, const struct kvm_sregs *sregs, UINT64 rip)
{
    UINT64 offset = (UINT64)in->displacement;
    if (in->base == 16)
    {
        offset += rip + in->length;
    }
    else if (in->base != NO_REGISTER)
    {
        offset += register_value(regs, in->base);
    }
    if (in->index != NO_REGISTER)
    {
        offset += register_value(regs, in->index) << in->scale;
    }
    offset &= in->address_size == 2 ? 0xFFFF : in->address_size == 4 ? 0xFFFFFFFF : ~0ull;
    return linear_address(sregs, in->segment, offset, decode_mode(sregs));
}

bool is_string(const struct instruction *in)
{
    return in->map == 0 && !in->is_vex && ((in->opcode >= 0x6C && in->opcode <= 0x6F) || (in->opcode >= 0xA4 && in->opcode <= 0xA7) ||
                                           (in->opcode >= 0xAA && in->opcode <= 0xAF));
}
