# shellcheck shell=sh
# How fast sockets to the host and files of the host's are. Twice it gives back what the host sends on its port 1024, which measures that. Then, on the tree 'share', value MiB
# are written and read in one go, and small files made and read: streams.NAME=RATE, in MiB/s and files/s.
load_virtio vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport fuse virtiofs
vsock echo 1024 >/dev/null
vsock echo 1024 >/dev/null
mkdir -p /tmp/share
mount -t virtiofs share /tmp/share || say "error=mount"
rate() { # name, command: MiB/s
    name=$1
    shift
    microseconds
    start=$us
    "$@" 2>/dev/null || say "error=$name"
    microseconds
    say "streams.$name=$(awk "BEGIN { print $value * 1e6 / ($us - $start) }")"
}
forget() {
    echo 3 >/proc/sys/vm/drop_caches
}
rate write dd if=/dev/zero of=/tmp/share/large bs=1M count="$value" conv=fsync
forget
rate read dd if=/tmp/share/large of=/dev/null bs=1M
mkdir /tmp/share/small
say "streams.make=$(files write /tmp/share/small 500 4096)"
forget
say "streams.open=$(files read /tmp/share/small 500)"
say "streams=end"
