/* Just enough of x86 to know how long an instruction is, what it addresses, and whether it only writes there. */
#pragma once
#include "standin.h"

struct instruction
{
    uint32_t length;
    uint32_t map;    /* 0: one byte, 1: after 0F, 2: 0F 38, 3: 0F 3A */
    uint8_t opcode, modrm, rex;
    uint8_t repeat;  /* F2, F3 or 0 */
    bool has_modrm, has_operand_size, is_vex;
    uint32_t operand_size; /* 2, 4 or 8 */
    uint32_t address_size; /* 2, 4 or 8 */
    uint8_t segment;       /* as encoded: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS */
    bool has_memory;       /* a memory operand by ModRM or moffs */
    uint8_t base, index, scale; /* registers, or 0xFF */
    int64_t displacement;
    UINT64 immediate;
};

enum { MAX_INSTRUCTION = 15, NO_REGISTER = 0xFF };

/* 2, 4 or 8: the mode that the processor's code segment selects. */
uint32_t decode_mode(const struct kvm_sregs *sregs);
bool decode(const uint8_t *bytes, uint32_t count, uint32_t mode, struct instruction *instruction);
/* Linear address of the memory operand; rip is that of the instruction. */
UINT64 decode_address(const struct instruction *instruction, const struct kvm_regs *regs, const struct kvm_sregs *sregs, UINT64 rip);
UINT64 linear_address(const struct kvm_sregs *sregs, uint32_t segment, UINT64 offset, uint32_t mode);
UINT64 register_value(const struct kvm_regs *regs, uint32_t number);
__u64 *register_place(struct kvm_regs *regs, uint32_t number);
bool is_string(const struct instruction *instruction); /* INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS */
