# shellcheck shell=sh
# Goes on in the ext4 file system of the first virtio disk, whose process 1 is given the value. Before that its journal is replayed by mounting it, and e2fsck,
# which is on the second disk, must find nothing to mend.
load_virtio virtio_blk
mkdir -p /root /tools
mount -t ext4 -o ro /dev/vdb /tools || say "error=no second disk"
mount --bind /dev /tools/dev
mount -t ext4 /dev/vda /root || say "error=root does not mount"
umount /root
chroot /tools /sbin/e2fsck -f -n /dev/vda >/tmp/fsck 2>&1
say "root_fsck=$?"
grep -q 'files (' /tmp/fsck || cat /tmp/fsck
umount /tools/dev /tools
mount -t ext4 /dev/vda /root
for place in dev proc sys; do
    mount --move /$place /root/$place
done
exec switch_root /root /sbin/init "$value"
