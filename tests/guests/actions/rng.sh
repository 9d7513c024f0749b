# shellcheck shell=sh
# Reads the virtio entropy device: value bytes (64 KiB where none is given), after each of three binds of its driver.
load_virtio virtio-rng
for turn in 1 2 3; do
    for device in /sys/bus/virtio/drivers/virtio_rng/virtio*; do
        [ -e "$device" ] || continue
        device=${device##*/}
        [ "$turn" = 1 ] && continue
        echo "$device" >/sys/bus/virtio/drivers/virtio_rng/unbind
        echo "$device" >/sys/bus/virtio/drivers/virtio_rng/bind
    done
    say "rng=$(cat /sys/class/misc/hw_random/rng_current)"
    [ "$value" != rng ] || value=65536
    head -c "$value" /dev/hwrng >/tmp/random
    say "rng_bytes=$(stat -c %s /tmp/random)"
    # What does not get smaller is random enough to have come from the host.
    say "rng_packed=$(gzip -c /tmp/random | wc -c)"
done
