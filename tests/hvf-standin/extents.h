#pragma once
#include <stdbool.h>
#include <stdint.h>

void extents_reset(uint64_t start, uint64_t end);
bool extents_take(uint64_t size, uint64_t *start);
void extents_free(uint64_t start, uint64_t size);
