# shellcheck shell=sh
# Brings the first Ethernet card up: ether=dhcp, or ether=10.8.0.2/24 with an address of its own.
load_virtio failover net_failover virtio_net
ip link set lo up
ip link set eth0 up
if [ "$value" = dhcp ]; then
    cat >/tmp/leased <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
echo "$router" >/tmp/router
END
    chmod +x /tmp/leased
    udhcpc -i eth0 -n -q -t 10 -T 1 -O mtu -s /tmp/leased >/tmp/udhcpc 2>&1 || say "error=no lease: $(tr '\n' ' ' </tmp/udhcpc)"
    say "ether_router=$(cat /tmp/router)"
else
    ip address add "$value" dev eth0
fi
say "ether_address=$(ip -4 address show dev eth0 | sed -n 's/.*inet \([^ ]*\).*/\1/p')"
say "ether_mtu=$(cat /sys/class/net/eth0/mtu)"
