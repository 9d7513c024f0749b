# shellcheck shell=sh
# Has fio, which is on the second virtio disk, read and write the first: 4 KiB at random one by one and 32 at a time, 1 MiB one after the other, each for value
# seconds after one that does not count: fio.NAME=OPERATIONS KIB, both in a second.
load_virtio virtio_blk
mkdir -p /tools
mount -t ext4 -o ro /dev/vdb /tools || say "error=no second disk"
for place in dev proc sys; do
    mount --bind /$place /tools/$place
done
mount -t tmpfs tmpfs /tools/tmp
cat >/tools/tmp/jobs <<END
[global]
filename=/dev/vda
ioengine=libaio
direct=1
thread
time_based
ramp_time=1
runtime=$value
stonewall
bs=4k
[randread-1]
rw=randread
[randread-32]
rw=randread
iodepth=32
[randwrite-1]
rw=randwrite
[randwrite-32]
rw=randwrite
iodepth=32
[read]
rw=read
bs=1m
iodepth=4
[write]
rw=write
bs=1m
iodepth=4
END
say "fio=begin"
# The terse format, version 3: of reads the rate in KiB/s is field 7 and the operations 8, of writes 48 and 49.
chroot /tools /usr/bin/fio --minimal --terse-version=3 /tmp/jobs | awk -F ';' '{ print "HVSDK fio." $3 "=" $8 + $49, $7 + $48 }'
say "fio=end"
