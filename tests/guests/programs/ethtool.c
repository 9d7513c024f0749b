/*
 * What of ethtool the tests need.
 *
 *   ethtool channels INTERFACE COUNT             pairs of queues that the driver uses
 *   ethtool feature INTERFACE NAME on|off        one of the features by its name, as rx-gro-hw
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int s;
static struct ifreq request;

static void control(void *data, const char *what)
{
    request.ifr_data = data;
    if (ioctl(s, SIOCETHTOOL, &request)) {
        perror(what);
        exit(1);
    }
}

static void set_channels(int count)
{
    struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
    control(&channels, "ETHTOOL_GCHANNELS");
    channels.cmd = ETHTOOL_SCHANNELS;
    channels.combined_count = count;
    control(&channels, "ETHTOOL_SCHANNELS");
}

static unsigned find_feature(const char *name)
{
    static union {
        struct ethtool_sset_info info;
        char bytes[sizeof(struct ethtool_sset_info) + 4];
    } set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
    control(&set, "ETHTOOL_GSSET_INFO");
    unsigned count = set.info.data[0];
    struct ethtool_gstrings *strings = calloc(1, sizeof *strings + count * ETH_GSTRING_LEN);
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    control(strings, "ETHTOOL_GSTRINGS");
    for (unsigned i = 0; i < count; i++)
        if (strncmp((char *)strings->data + i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN) == 0)
            return i;
    fprintf(stderr, "no feature %s\n", name);
    exit(1);
}

static void set_feature(const char *name, int is_on)
{
    unsigned bit = find_feature(name);
    struct ethtool_sfeatures *features = calloc(1, sizeof *features + (bit / 32 + 1) * sizeof features->features[0]);
    features->cmd = ETHTOOL_SFEATURES;
    features->size = bit / 32 + 1;
    features->features[bit / 32].valid = 1u << bit % 32;
    features->features[bit / 32].requested = is_on ? 1u << bit % 32 : 0;
    control(features, "ETHTOOL_SFEATURES");
}

int main(int count, char **arguments)
{
    s = socket(AF_INET, SOCK_DGRAM, 0);
    if (count > 2)
        strncpy(request.ifr_name, arguments[2], IFNAMSIZ - 1);
    if (count == 4 && strcmp(arguments[1], "channels") == 0)
        set_channels(atoi(arguments[3]));
    else if (count == 5 && strcmp(arguments[1], "feature") == 0)
        set_feature(arguments[3], strcmp(arguments[4], "on") == 0);
    else {
        fprintf(stderr, "ethtool channels INTERFACE COUNT, or ethtool feature INTERFACE NAME on|off\n");
        return 2;
    }
    return 0;
}
