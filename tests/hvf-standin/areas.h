#pragma once
#include <stdbool.h>
#include <stdint.h>

/* A mapping of this process, as the kernel tells. */
struct area
{
    uint8_t *start, *end;
    uint64_t offset; /* of its start in the file */
    int protection;
    bool is_shared;
    unsigned long inode; /* 0 where there is no file */
};
bool area_find(const uint8_t *address, struct area *area);
bool area_find_next(const uint8_t *address, struct area *area); /* the one at the address, or else the next */
bool area_is_of_file(const struct area *area, int fd);

/* proc_pid_pagemap: an entry of 64 bits per page of 4 KiB. */
#define AREA_PAGE_PRESENT (1ull << 63)
#define AREA_PAGE_SWAPPED (1ull << 62)
bool area_page_entries(const uint8_t *address, uint64_t count, uint64_t *entries);
