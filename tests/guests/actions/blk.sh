# shellcheck shell=sh
# Writes value MiB (4 where none are given) to the first virtio disk and reads them back, after each of two binds of its driver.
load_virtio virtio_blk
[ "$value" != blk ] || value=4
head -c $((value << 20)) /dev/urandom >/tmp/disk
for turn in 1 2; do
    if [ "$turn" != 1 ]; then
        device=$(readlink /sys/block/vda/device)
        device=${device##*/}
        echo "$device" >/sys/bus/virtio/drivers/virtio_blk/unbind
        echo "$device" >/sys/bus/virtio/drivers/virtio_blk/bind
    fi
    # The first half in large requests, the second in small ones that are not cached.
    dd if=/tmp/disk of=/dev/vda bs=512k count="$value" conv=fsync 2>/dev/null
    dd if=/tmp/disk of=/dev/vda bs=4k skip=$((value * 128)) seek=$((value * 128)) oflag=direct conv=fsync 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    say "blk_written=$(md5sum </tmp/disk | cut -d ' ' -f 1)"
    say "blk_read=$(head -c $((value << 20)) /dev/vda | md5sum | cut -d ' ' -f 1)"
done
say "blk_features=$(cat /sys/block/vda/device/features)"
for name in size ro serial queue/logical_block_size queue/physical_block_size queue/discard_max_bytes queue/write_zeroes_max_bytes queue/write_cache; do
    say "blk_${name##*/}=$(cat "/sys/block/vda/$name")"
done
say "blk_queues=$(ls /sys/block/vda/mq | wc -l)"
# Past the end there is nothing, and a disk that says no is an error to whoever writes.
dd if=/dev/zero of=/dev/vda bs=512 seek="$(cat /sys/block/vda/size)" count=1 oflag=direct 2>/dev/null && say "blk_end=written" || say "blk_end=refused"
rm /tmp/disk
