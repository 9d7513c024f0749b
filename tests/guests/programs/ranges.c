/*
 * ranges DEVICE discard|zero OFFSET LENGTH   what BLKDISCARD and BLKZEROOUT of a block device do, in bytes
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "ranges DEVICE discard|zero OFFSET LENGTH\n");
        return 2;
    }

    int device = open(arguments[1], O_RDWR);
    uint64_t range[2] = {strtoull(arguments[3], NULL, 0), strtoull(arguments[4], NULL, 0)};
    if (device < 0 || ioctl(device, strcmp(arguments[2], "zero") == 0 ? BLKZEROOUT : BLKDISCARD, range) != 0) {
        perror(arguments[1]);
        return 1;
    }

    return 0;
}
