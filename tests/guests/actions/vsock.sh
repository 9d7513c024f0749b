# shellcheck shell=sh
# Sockets to the host: gives back what the host sends on its port $value; then serves two connections to that port likewise, and one
# to port 80 by a web server.
load_virtio vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport
say "vsock_echoed=$(vsock echo "$value" 2>&1)"
mkdir -p /tmp/www
seq 1 20000 >/tmp/www/numbers
vsock serve "$value" 2 >/tmp/served 2>&1 &
served=$!
vsock serve 80 1 /bin/httpd -i -h /tmp/www &
# Listening is seen from outside only by a connection: each of the two sleeps in its accept by then.
sleep 1
say "vsock=ready"
wait "$served"
say "vsock_served=$(tr '\n' ' ' </tmp/served)"
wait
