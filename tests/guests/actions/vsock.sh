# shellcheck shell=sh
# Sockets to the host: gives back what the host sends on its port $value; then serves two connections to that port likewise, and one
# to port 80 by a web server. Then the driver goes under a connection to the host, and comes back: once more as at first.
load_virtio vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport
say "vsock_echoed=$(vsock echo "$value" 2>&1)"
mkdir -p /tmp/www
seq 1 20000 >/tmp/www/numbers
vsock serve "$value" 2 /tmp/listens >/tmp/served 2>&1 &
served=$!
vsock serve 80 1 /tmp/listens-80 /bin/httpd -i -h /tmp/www &
until [ -e /tmp/listens ] && [ -e /tmp/listens-80 ]; do
    sleep 0.1
done
say "vsock=ready"
wait "$served"
say "vsock_served=$(tr '\n' ' ' </tmp/served)"
wait
vsock hold "$value" /tmp/holds &
held=$!
until [ -e /tmp/holds ]; do
    sleep 0.1
done
device=$(ls /sys/bus/virtio/drivers/vmw_vsock_virtio_transport | grep '^virtio')
echo "$device" >/sys/bus/virtio/drivers/vmw_vsock_virtio_transport/unbind
wait "$held"
say "vsock_held=$?"
echo "$device" >/sys/bus/virtio/drivers/vmw_vsock_virtio_transport/bind
say "vsock_again=$(vsock echo "$value" 2>&1)"
