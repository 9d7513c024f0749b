/* The guests of guests.S, as bytes. */
    .section .rodata
    .global guest_image, guest_image_end
guest_image:
    .incbin "guests.bin"
guest_image_end:
    .section .note.GNU-stack, "", @progbits
