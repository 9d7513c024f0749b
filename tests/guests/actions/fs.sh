# shellcheck shell=sh
# Mounts the trees 'share' (writable), 'memory' and 'user'. Copies value MiB of the share within it, does what one does with names, locks, tries to get out,
# and mounts once more after the driver was bound anew.
load_virtio fuse virtiofs
bytes=$((value << 20))
mkdir -p /tmp/share /tmp/memory /tmp/user
mount_all() {
    for tag in share memory user; do
        mount -t virtiofs "$tag" "/tmp/$tag" || say "error=mount $tag"
    done
}
ends() { # says whether a command was refused
    name=$1
    shift
    "$@" >/tmp/said 2>&1 && say "fs_$name=done" || say "fs_$name=refused"
}

mount_all
say "fs_size=$(stat -c %s /tmp/share/in)"
for turn in 1 2; do
    microseconds
    start=$us
    dd if=/tmp/share/in of=/tmp/share/out bs=1M conv=fsync 2>/dev/null
    microseconds
    say "fs_copy_us=$((us - start)) bytes=$bytes turn=$turn"
    echo 3 >/proc/sys/vm/drop_caches
    say "fs_md5=$(md5sum </tmp/share/out | cut -d ' ' -f 1)"
    dd if=/tmp/share/in of=/tmp/share/direct bs=1M iflag=direct oflag=direct count=4 2>/dev/null
done
say "fs_memory=$(cat /tmp/memory/input/text)"
echo "from the guest" >/tmp/memory/output/result
say "fs_user=$(cat /tmp/user/greeting) $(ls /tmp/user | wc -l)"
ends user_write touch /tmp/user/new

# Names.
cd /tmp/share || say "error=cd"
mkdir -p tree/a/b
i=0
while [ "$i" -lt 300 ]; do
    : >"tree/a/file$i"
    i=$((i + 1))
done
say "fs_listed=$(ls tree/a | wc -l)"
echo moved >tree/a/file0
mv tree/a/file0 tree/a/b/moved
ln tree/a/b/moved tree/a/b/linked
ln -s b/moved tree/a/soft
say "fs_links=$(stat -c %h tree/a/b/linked) $(cat tree/a/soft) $(readlink tree/a/soft)"
chmod 640 tree/a/file1
touch -d '2001-02-03 04:05:06' tree/a/file1
truncate -s 12345 tree/a/file1
say "fs_attributes=$(stat -c '%a %s' tree/a/file1)"
say "fs_blocks=$(stat -f -c %b .)"
rm -r tree/a/b
rm tree/a/file1*
say "fs_left=$(ls tree/a | wc -l)"
rm -rf tree
ends removed test -e tree

# Locks hold off the guest's other processes.
: >lock
say "fs_locks=$(locks lock)"

# Out of the share: links lead into the guest's own files, and the host's rights are not ours.
echo "the guest's" >/tmp/own
ln -s /tmp/own escape
ln -s ../outside/secret up
say "fs_escape=$(cat escape)"
ends up cat up
ends up_write sh -c 'echo bad >up/../../outside/secret'
ends dots ls /tmp/share/../outside
ends device mknod device b 8 0
ends console mknod console c 5 1
ends owner chown 12345 lock
cp /bin/busybox suid
ends suid chmod 4755 suid
say "fs_suid=$(stat -c %a suid)"
mkdir real
echo inside >real/secret
ln -s ../outside fake
(
    while [ ! -e /tmp/over ]; do
        mv real aside
        mv fake real
        mv real fake
        mv aside real
    done
) 2>/dev/null &
i=0
while [ "$i" -lt 200 ]; do
    cat real/secret >>/tmp/seen 2>/dev/null
    echo inside 2>/dev/null >real/secret
    i=$((i + 1))
done
: >/tmp/over
wait
say "fs_seen=$(sort -u /tmp/seen | tr '\n' ' ')"
cd /

# Once more, after the driver was bound anew.
umount /tmp/share /tmp/memory /tmp/user
for device in /sys/bus/virtio/drivers/virtiofs/virtio*; do
    device=${device##*/}
    echo "$device" >/sys/bus/virtio/drivers/virtiofs/unbind
    echo "$device" >/sys/bus/virtio/drivers/virtiofs/bind
done
mount_all
say "fs_again=$(stat -c %s /tmp/share/out) $(cat /tmp/memory/output/result)"
rm /tmp/share/out
umount /tmp/share /tmp/memory /tmp/user
