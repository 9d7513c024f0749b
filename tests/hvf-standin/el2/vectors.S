/* Start, exception vectors, and the way into the guest and back. Offsets are those of struct mailbox. */
#define X(n) ((n) * 8)
#define PC 248
#define ESR 264
#define HPFAR 280
#define Q(n) (288 + (n) * 16)
#define FPCR 800
#define STACK_SHIFT 14

    .section .text.start, "ax"
    .global _start
_start: /* processor 0, by QEMU; EL2 without MMU */
    mov x0, #0
    b start_cpu

    .global secondary_start
secondary_start: /* the others, by PSCI; x0 is what CPU_ON was given */
start_cpu:
    ldr x1, =stacks
    add x2, x0, #1
    lsl x2, x2, #STACK_SHIFT
    add sp, x1, x2
    ldr x1, =vectors
    msr vbar_el2, x1
    isb
    bl cpu_main
    b .

    .text
    /* int64_t psci_cpu_on(uint64_t mpidr, void *entry); the context is the processor's number. QEMU answers the SMC. */
    .global psci_cpu_on
psci_cpu_on:
    mov x2, x1
    mov x3, x0
    mov x1, x0
    movz x0, #0x0003
    movk x0, #0xC400, lsl #16
    smc #0
    ret

    .macro FAULT
    b el2_fault
    .balign 128
    .endm

    .macro FROM_GUEST vector
    stp x0, x1, [sp, #-16]!
    mov x1, #\vector
    b guest_left
    .balign 128
    .endm

    .balign 2048
    .global vectors
vectors:
    .rept 8 /* from EL2 itself: interrupts are masked here, so each is a fault of the program */
    FAULT
    .endr
    .rept 2 /* from the guest in AArch64, and in AArch32, which EL0 can be in */
    FROM_GUEST 1
    FROM_GUEST 2
    FROM_GUEST 3
    FROM_GUEST 4
    .endr

    /* enum vector guest_enter(struct mailbox *): returns when an exception comes to EL2. */
    .global guest_enter
guest_enter:
    stp x29, x30, [sp, #-96]!
    stp x27, x28, [sp, #16]
    stp x25, x26, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x21, x22, [sp, #64]
    stp x19, x20, [sp, #80]
    msr tpidr_el2, x0
    ldp x2, x3, [x0, #PC]
    msr elr_el2, x2
    msr spsr_el2, x3
    ldp x2, x3, [x0, #X(2)]
    ldp x4, x5, [x0, #X(4)]
    ldp x6, x7, [x0, #X(6)]
    ldp x8, x9, [x0, #X(8)]
    ldp x10, x11, [x0, #X(10)]
    ldp x12, x13, [x0, #X(12)]
    ldp x14, x15, [x0, #X(14)]
    ldp x16, x17, [x0, #X(16)]
    ldp x18, x19, [x0, #X(18)]
    ldp x20, x21, [x0, #X(20)]
    ldp x22, x23, [x0, #X(22)]
    ldp x24, x25, [x0, #X(24)]
    ldp x26, x27, [x0, #X(26)]
    ldp x28, x29, [x0, #X(28)]
    ldr x30, [x0, #X(30)]
    ldp x0, x1, [x0, #X(0)]
    eret

guest_left: /* x1: the vector; on the stack: the guest's x0 and x1 */
    mrs x0, tpidr_el2
    stp x2, x3, [x0, #X(2)]
    stp x4, x5, [x0, #X(4)]
    stp x6, x7, [x0, #X(6)]
    stp x8, x9, [x0, #X(8)]
    stp x10, x11, [x0, #X(10)]
    stp x12, x13, [x0, #X(12)]
    stp x14, x15, [x0, #X(14)]
    stp x16, x17, [x0, #X(16)]
    stp x18, x19, [x0, #X(18)]
    stp x20, x21, [x0, #X(20)]
    stp x22, x23, [x0, #X(22)]
    stp x24, x25, [x0, #X(24)]
    stp x26, x27, [x0, #X(26)]
    stp x28, x29, [x0, #X(28)]
    str x30, [x0, #X(30)]
    ldp x2, x3, [sp], #16
    stp x2, x3, [x0, #X(0)]
    mrs x2, elr_el2
    mrs x3, spsr_el2
    stp x2, x3, [x0, #PC]
    mrs x2, esr_el2
    mrs x3, far_el2
    stp x2, x3, [x0, #ESR]
    mrs x2, hpfar_el2
    str x2, [x0, #HPFAR]
    mov x0, x1
    ldp x19, x20, [sp, #80]
    ldp x21, x22, [sp, #64]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #32]
    ldp x27, x28, [sp, #16]
    ldp x29, x30, [sp], #96
    ret

    .arch_extension fp
    .arch_extension simd
    .macro FP_PAIR instruction, n, m
    \instruction q\n, q\m, [x0, #Q(\n)]
    .endm
    .macro FP_ALL instruction
    FP_PAIR \instruction, 0, 1
    FP_PAIR \instruction, 2, 3
    FP_PAIR \instruction, 4, 5
    FP_PAIR \instruction, 6, 7
    FP_PAIR \instruction, 8, 9
    FP_PAIR \instruction, 10, 11
    FP_PAIR \instruction, 12, 13
    FP_PAIR \instruction, 14, 15
    FP_PAIR \instruction, 16, 17
    FP_PAIR \instruction, 18, 19
    FP_PAIR \instruction, 20, 21
    FP_PAIR \instruction, 22, 23
    FP_PAIR \instruction, 24, 25
    FP_PAIR \instruction, 26, 27
    FP_PAIR \instruction, 28, 29
    FP_PAIR \instruction, 30, 31
    .endm

    .global fp_save
fp_save:
    FP_ALL stp
    mrs x1, fpcr
    mrs x2, fpsr
    add x0, x0, #FPCR
    stp x1, x2, [x0]
    ret

    .global fp_load
fp_load:
    FP_ALL ldp
    add x0, x0, #FPCR
    ldp x1, x2, [x0]
    msr fpcr, x1
    msr fpsr, x2
    ret

    .bss
    .balign 16
stacks:
    .skip 16 << STACK_SHIFT
