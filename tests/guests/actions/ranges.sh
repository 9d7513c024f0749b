# shellcheck shell=sh
# Discards and zeroes ranges of the first virtio disk, which has 16 MiB or more; then has a file system give back what a removed file held.
load_virtio virtio_blk
head -c $((4 << 20)) /dev/urandom >/tmp/data
dd if=/tmp/data of=/dev/vda bs=512k conv=fsync 2>/dev/null
ranges /dev/vda discard $((1 << 20)) $((1 << 20)) || say "error=discard"
ranges /dev/vda zero $((2 << 20)) $((1 << 20)) || say "error=zero"
blkdiscard -o $((8 << 20)) -l $((4 << 20)) /dev/vda || say "error=blkdiscard"
part() { # of what, MiB
    dd "if=$1" bs=1M skip="$2" count=1 2>/dev/null | md5sum | cut -d ' ' -f 1
}
say "ranges_kept=$([ "$(part /tmp/data 0)" = "$(part /dev/vda 0)" ] && [ "$(part /tmp/data 3)" = "$(part /dev/vda 3)" ] && echo yes || echo no)"
say "ranges_zeroed=$([ "$(part /dev/zero 0)" = "$(part /dev/vda 2)" ] && echo yes || echo no)"
rm /tmp/data
mke2fs /dev/vda >/dev/null 2>&1
mkdir /mnt
mount -t ext4 /dev/vda /mnt || say "error=mount"
head -c $((6 << 20)) /dev/urandom >/mnt/file
sync
say "ranges=filled"
read -r _ # the host has looked
rm /mnt/file
sync
fstrim /mnt || say "error=fstrim"
umount /mnt
