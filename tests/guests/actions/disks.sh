# shellcheck shell=sh
# All virtio disks at once, from both processors where there are two: what they are, the MD5 of their first MiB, and of 512 KiB that were written behind it.
load_virtio virtio_blk
use() { # disk, by its name
    size=$(cat "/sys/block/$1/size")
    say "$1=$(cat "/sys/block/$1/serial")"
    say "$1.size=$size"
    say "$1.first=$(dd "if=/dev/$1" bs=64k count=16 iflag=direct 2>/dev/null | md5sum | cut -d ' ' -f 1)"
    if [ "$(cat "/sys/block/$1/ro")" = 1 ]; then
        dd if=/dev/zero "of=/dev/$1" bs=512 count=1 oflag=direct 2>/dev/null && say "$1.written=yes" || say "$1.written=refused"
        return
    fi
    head -c 524288 /dev/urandom >"/tmp/$1"
    taskset 1 dd "if=/tmp/$1" "of=/dev/$1" bs=16k count=16 seek=64 oflag=direct 2>/dev/null
    taskset "$last_processor" dd "if=/tmp/$1" "of=/dev/$1" bs=16k skip=16 seek=80 oflag=direct conv=fsync 2>/dev/null
    say "$1.written=$(md5sum <"/tmp/$1" | cut -d ' ' -f 1)"
    say "$1.read=$(dd "if=/dev/$1" bs=16k skip=64 count=32 iflag=direct 2>/dev/null | md5sum | cut -d ' ' -f 1)"
}
last_processor=$(printf %x $((1 << ($(grep -c '^processor' /proc/cpuinfo) - 1))))
for disk in /sys/block/vd?; do
    use "${disk##*/}" &
done
wait
