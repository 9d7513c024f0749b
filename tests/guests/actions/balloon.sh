# shellcheck shell=sh
# Binds the memory balloon's driver, and makes a tmpfs that memory can be used by: /tmp/memory. The shell is what comes next.
load_virtio virtio_balloon
mkdir -p /tmp/memory
mount -t tmpfs -o size=100% memory /tmp/memory
say "balloon=$(ls /sys/bus/virtio/drivers/virtio_balloon | grep virtio)"
