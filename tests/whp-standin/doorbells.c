/* R-BELL: doorbells by KVM's ioeventfd. */
#include "standin.h"
#include <stdlib.h>

struct doorbell
{
    struct doorbell *next;
    WHV_DOORBELL_MATCH_DATA match;
    int fd;
};

void doorbells_delete_all(struct partition *partition)
{
    while (partition->doorbells != NULL)
    {
        struct doorbell *doorbell = partition->doorbells;
        partition->doorbells = doorbell->next;
        free(doorbell);
    }
}
