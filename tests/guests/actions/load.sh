# shellcheck shell=sh
# The first virtio disk under load. Value reset: its driver is unbound and bound while the disk is read and written, five times. Value turns: writes and reads back
# all the time, until the host types a line.
load_virtio virtio_blk
device=$(readlink /sys/block/vda/device)
device=${device##*/}
head -c $((2 << 20)) /dev/urandom >/tmp/data
sum=$(md5sum </tmp/data)
turn() {
    dd if=/tmp/data of=/dev/vda bs=32k oflag=direct conv=fsync 2>/dev/null
    [ "$(dd if=/dev/vda bs=16k count=128 iflag=direct 2>/dev/null | md5sum)" = "$sum" ]
}
if [ "$value" = reset ]; then
    for count in 1 2 3 4 5; do
        dd if=/dev/vda of=/dev/null bs=16k iflag=direct 2>/dev/null &
        dd if=/dev/zero of=/dev/vda bs=64k seek=64 oflag=direct 2>/dev/null &
        usleep $((count * 50000))
        echo "$device" >/sys/bus/virtio/drivers/virtio_blk/unbind
        wait
        echo "$device" >/sys/bus/virtio/drivers/virtio_blk/bind
        turn && say "load_reset=$count" || say "error=other bytes after reset $count"
    done
else
    (read -r _ </dev/console && touch /tmp/stop) & # a shell gives those in the background no input of its own
    turns=0
    say "load=ready"
    until [ -e /tmp/stop ]; do
        turn || say "error=other bytes in turn $turns"
        turns=$((turns + 1))
    done
    say "load_turns=$turns"
fi
