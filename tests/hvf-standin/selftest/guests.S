/* The guests of the checks. Each begins at EL1 without MMU, and runs wherever the image is. */
    .arch armv8.2-a
    .text

/* Calls of the hypervisor. */
guest_call:
    hvc #0x21
    hvc #0x22
    b .
guest_count: /* calls for ever, and counts in x0 */
    add x0, x0, #1
    hvc #1
    b guest_count
guest_secure_call:
    smc #5
    hvc #1
    b .
guest_spin:
    b .
guest_spin_count: /* for ever, counting in x0 */
    add x0, x0, #1
    b guest_spin_count
guest_wait:
    wfi
    hvc #1
    b .

/* Accesses to what x0 points to. */
guest_load_signed_byte:
    ldrsb w3, [x0]
    hvc #1
guest_load_pair:
    ldp x1, x2, [x0]
    hvc #1
guest_store:
    str x1, [x0]
    hvc #1
guest_store_zero:
    str wzr, [x0]
    hvc #1
guest_store_loop: /* counts in x1, and stores it for ever */
    add x1, x1, #1
    str x1, [x0]
    b guest_store_loop
guest_load_loop: /* until it is not zero */
    ldr x1, [x0]
    cbz x1, guest_load_loop
    hvc #1
guest_branch: /* goes there */
    br x0
guest_flag: /* stores x1 at x0, waits for x3 at x2 */
    str x1, [x0]
    dmb sy
1:  ldr x4, [x2]
    cmp x4, x3
    b.ne 1b
    hvc #1

/* Code that is replaced: returns a number in x5. */
guest_number_1:
    mov x5, #1
    hvc #1
guest_number_2:
    mov x5, #2
    hvc #1

/* Interrupts: with VBAR_EL1 at guest_vectors each exception is a call with its vector's number. */
guest_take_interrupts:
    msr daifclr, #3
    b .
guest_return_from_exception:
    eret
    .balign 2048
guest_vectors:
    .set number, 0
    .rept 16
    .balign 128
    hvc #(0x100 + number)
    eret
    .set number, number + 1
    .endr

/* The virtual timer: x0 ticks from now on. */
guest_timer:
    mrs x1, cntvct_el0
    add x1, x1, x0
    msr cntv_cval_el0, x1
    mov x2, #1
    msr cntv_ctl_el0, x2
    b .
guest_read_counter:
    isb
    mrs x0, cntvct_el0
    mrs x1, cntfrq_el0
    hvc #1
guest_physical_counter:
    mrs x0, cntpct_el0
    hvc #1
guest_physical_timer:
    msr cntp_ctl_el0, x0
    hvc #1

/* System registers. */
guest_identity:
    mrs x0, id_aa64pfr0_el1
    mrs x1, id_aa64isar0_el1
    mrs x2, s3_0_c0_c7_7
    mrs x3, mpidr_el1
    mrs x4, midr_el1
    hvc #1
guest_set_thread:
    msr tpidr_el1, x0
    msr sp_el0, x1
    msr contextidr_el1, x2
    hvc #1
guest_performance:
    mrs x3, pmcr_el0
    hvc #1
guest_acknowledge:
    mrs x4, s3_0_c12_c12_0
    hvc #1
guest_send_sgi:
    msr s3_0_c12_c11_5, x5
    hvc #1
guest_priority:
    msr s3_0_c4_c6_0, x6
    hvc #1
guest_os_lock:
    msr oslar_el1, xzr
    hvc #1
guest_read_mdscr:
    mrs x7, mdscr_el1
    hvc #1

/* Leaves for AArch32 at EL0, whose code is at x0: ldr r0, [r1]. */
guest_to_aarch32:
    mov x2, #0x10
    msr spsr_el1, x2
    msr elr_el1, x0
    eret

/* Floating point. */
guest_floating:
    fadd d2, d0, d1
    add v3.16b, v4.16b, v5.16b
    mrs x0, fpcr
    hvc #1

/* Debug. */
guest_break:
    brk #7
    hvc #1
guest_steps:
    mov x0, #1
guest_steps_second:
    mov x0, #2
    mov x0, #3
    hvc #1

/* The platform's GIC: x0 is its distributor, x1 the redistributor. A handler at the IRQ vector of guest_gic_vectors. */
guest_gic_setup:
    mov w2, #0x13        /* GICD_CTLR: ARE, groups 0 and 1 */
    str w2, [x0]
    mov w2, #0xFFFFFFFF
    add x3, x1, #0x10000
    str w2, [x3, #0x80]  /* GICR_IGROUPR0: group 1 */
    str w2, [x3, #0x100] /* GICR_ISENABLER0: all */
    mov x2, #0xF0
    msr s3_0_c4_c6_0, x2 /* ICC_PMR_EL1 */
    mov x2, #1
    msr s3_0_c12_c12_7, x2 /* ICC_IGRPEN1_EL1 */
    hvc #1
guest_gic_idle: /* takes interrupts and waits */
    msr daifclr, #2
1:  wfi
    b 1b
guest_gic_hold: /* takes interrupts and does not wait */
    msr daifclr, #2
    b .
    .balign 2048
guest_gic_vectors:
    .space 0x280
    mrs x10, s3_0_c12_c12_0 /* ICC_IAR1_EL1 */
    hvc #0x55
    msr s3_0_c12_c12_1, x10 /* ICC_EOIR1_EL1 */
    eret
