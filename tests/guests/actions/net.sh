# shellcheck shell=sh
# Two guests on a cable: each is 10.9.0.VALUE (1 or 2). They ping each other, and exchange bytes over TCP both ways at once.
load_virtio failover net_failover virtio_net
bytes=$((8 << 20))
ip link set lo up
ip addr add "10.9.0.$value/24" dev eth0
ip link set eth0 up
peer=10.9.0.$((3 - value))
tries=0
until ping -c 1 -W 1 "$peer" >/dev/null || [ "$tries" = 60 ]; do
    tries=$((tries + 1))
done
say "net_ping=$(ping -c 20 -i 0.05 -s 1400 "$peer" | sed -n 's/.* \([0-9]*\) packets received.*/\1/p')"
head -c "$bytes" /dev/urandom >/tmp/sent
if [ "$value" = 1 ]; then
    nc -l -p 5000 </tmp/sent >/tmp/received
else
    tries=0
    # Until the other side listens.
    until nc "$peer" 5000 </tmp/sent >/tmp/received || [ "$tries" = 60 ]; do
        tries=$((tries + 1))
        sleep 1
    done
fi
say "net_sent=$(sha256sum </tmp/sent | cut -c1-64)"
say "net_received=$(sha256sum </tmp/received | cut -c1-64)"
