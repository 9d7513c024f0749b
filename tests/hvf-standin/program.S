/* The EL2 program, as bytes to be copied into the machine's RAM. */
    .section .rodata
    .global el2_program, el2_program_end
    .balign 16
el2_program:
    .incbin "el2.bin"
el2_program_end:
    .section .note.GNU-stack, "", @progbits
