# shellcheck shell=sh
# The guest's side of tests/comparisons/net.sh, for ever: iperf3 on its port, where a further initrd has it, and requests of one byte on port 5002.
[ ! -x /usr/bin/iperf3 ] || /usr/bin/iperf3 --server >/dev/null 2>&1 &
rr serve 5002 &
say "serving"
rest
