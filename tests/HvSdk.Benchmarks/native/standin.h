/* What the C programs over a stand-in have in common: the library, loaded by its path as .NET loads it, and the commands. */
#ifndef STANDIN_H
#define STANDIN_H

#include <stddef.h>
#include <stdint.h>

_Noreturn void fail(const char *operation, long result);
int64_t now(void);

/* The address of a function of the library. */
void *find(const char *name);

/* Ends the program where a call's result is not 0. */
void check(long result, const char *operation);

/* Defined by each program: makes the machine, with the guest's code at its place; and runs the guest to the end of a batch. */
void create(const uint8_t *code, size_t length);
void run(void);

#endif
