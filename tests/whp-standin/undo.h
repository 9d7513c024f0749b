/* R-UNDO: the platform leaves the guest before an instruction touches a port or a device; KVM leaves it in the midst, and after a write it has
   written registers already. These functions finish KVM's work with zeros and put everything back to before the instruction. */
#pragma once
#include "decode.h"

struct access
{
    bool is_port, is_write;
    UINT64 address; /* GPA or port */
    uint32_t size;    /* of one item */
    uint32_t count;   /* port accesses: items */
    UINT64 data;    /* of the first item, or part, where it is written */
    uint32_t data_size;
};

/* Returns false where the instruction cannot be found. RIP is that of the instruction then; it may be of length 0 where its bytes do not tell. */
bool undo(struct vp *vp, struct access *access, struct instruction *instruction);
