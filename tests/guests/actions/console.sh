# shellcheck shell=sh
# Binds the console's driver; then a shell is on hvc0 until it is left; and all of it once more with the driver bound anew. value is a port's name: its
# bytes are exchanged first, 1 MiB each way.
load_virtio virtio_console
for turn in 1 2; do
    if [ "$turn" = 2 ]; then
        device=$(ls /sys/bus/virtio/drivers/virtio_console | grep '^virtio')
        echo "$device" >/sys/bus/virtio/drivers/virtio_console/unbind
        echo "$device" >/sys/bus/virtio/drivers/virtio_console/bind
    fi
    if [ "$value" != console ]; then
        port=''
        until [ -n "$port" ]; do
            for name in /sys/class/virtio-ports/*/name; do
                [ ! -e "$name" ] || [ "$(cat "$name")" != "$value" ] || port=$(basename "$(dirname "$name")")
            done
        done
        say "console_port=$port"
        head -c 1048576 /dev/urandom >/tmp/sent
        exec 3<>"/dev/$port"
        head -c 1048576 <&3 >/tmp/received
        cat /tmp/sent >&3
        exec 3>&-
        say "console_sent=$(sha256sum </tmp/sent | cut -c1-64)"
        say "console_received=$(sha256sum </tmp/received | cut -c1-64)"
        rm /tmp/sent /tmp/received
    fi
    say "console=ready"
    shell </dev/hvc0 >/dev/hvc0 2>&1
    say "console=left"
done
