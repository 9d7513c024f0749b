#!/bin/sh
# The part of net.sh that runs in the nested machine. The guest serves; all that measures is on this side.
set -u
cd /compare || exit
mkdir -p /results
values=/results/values # round contender test value
: >"$values"
append="console=ttyS0 quiet cryptomgr.notests hvsdk=ether=10.8.0.2/24,serve"
vmm=
trap '[ -z "$vmm" ] || kill -9 "$vmm"' EXIT

boot() { # contender
    : >/tmp/console
    case $1 in
        hvsdk)
            DOTNET_TieredPGO=0 dotnet bootguest/BootGuest.dll --kernel vmlinuz --initrd initrd --append "$append" --net tap:guest0 </dev/null >/tmp/console 2>/tmp/errors &
            ;;
        qemu)
            qemu-system-x86_64 -no-user-config -nodefaults -display none -no-reboot -M pc -accel kvm -cpu host -m 512 \
                -kernel vmlinuz -initrd initrd -append "$append" -serial file:/tmp/console \
                -netdev tap,id=net,ifname=guest0,script=no,downscript=no -device virtio-net-pci,netdev=net,disable-legacy=on,romfile= </dev/null 2>/tmp/errors &
            ;;
    esac
    vmm=$!
    tenths=0
    until grep -q 'HVSDK serving' /tmp/console && [ -e /sys/class/net/guest0 ]; do
        if ! kill -0 "$vmm" 2>/dev/null || [ "$tenths" -ge 1200 ]; then
            echo "$1 did not come up:"
            cat /tmp/errors /tmp/console
            return 1
        fi
        if [ -e /sys/class/net/guest0 ] && [ "$(cat /sys/class/net/guest0/flags)" = 0x1002 ]; then
            ip address add 10.8.0.1/24 dev guest0
            ip link set guest0 up
        fi
        sleep 0.1
        tenths=$((tenths + 1))
    done
}

stream() { # seconds, further options of iperf3: Mbit/s at the receiver
    seconds=$1
    shift
    iperf3 --client 10.8.0.2 --time "$seconds" --omit 1 --format k "$@" 2>&1 | awk '/receiver/ { for (i = 1; i < NF; i++) if ($(i + 1) == "Kbits/sec") print $i / 1000 }'
}

measure() { # round, contender
    boot "$2" || return
    # The runtime compiles anew what is used most, in the background; that is not measured.
    for warming in 1 2; do
        stream 4 >/dev/null
        stream 4 --reverse >/dev/null
        ./rr ask 10.8.0.2 5002 3 >/dev/null
    done
    for turn in 1 2; do
        echo "$1 $2 stream-to-guest $(stream "$SECONDS_EACH")"
        echo "$1 $2 stream-from-guest $(stream "$SECONDS_EACH" --reverse)"
        echo "$1 $2 requests $(./rr ask 10.8.0.2 5002 "$SECONDS_EACH")"
    done | tee -a "$values"
    kill -9 "$vmm"
    wait "$vmm" 2>/dev/null
    vmm=
}

round=1
while [ "$round" -le "$ROUNDS" ]; do
    if [ $((round % 2)) = 1 ]; then order="hvsdk qemu"; else order="qemu hvsdk"; fi
    for contender in $order; do
        measure "$round" "$contender"
    done
    round=$((round + 1))
done

# The mean of a contender's turns in a round; the ratios of rounds; their median.
awk '
    { sum[$3, $1, $2] += $4; count[$3, $1, $2]++; if ($1 > rounds) rounds = $1; tests[$3] = 1 }
    function mean(test, round, who) { return count[test, round, who] ? sum[test, round, who] / count[test, round, who] : 0 }
    function median(list, n,   i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    END {
        split("stream-to-guest stream-from-guest requests", names, " ")
        unit["stream-to-guest"] = unit["stream-from-guest"] = "Mbit/s"; unit["requests"] = "/s"
        printf "[" >"/results/results.json"
        for (k = 1; k <= 3; k++) {
            test = names[k]; n = 0; all = ""
            for (r = 1; r <= rounds; r++) {
                h = mean(test, r, "hvsdk"); q = mean(test, r, "qemu")
                if (h > 0 && q > 0) { ratio[++n] = h / q; ours[n] = h; theirs[n] = q; all = all sprintf(" %.2f", h / q) }
            }
            if (!n) continue
            m = median(ratio, n)
            printf "net-%s-ratio %.3f (rounds%s), goal >= 1.0, %s; HvSdk %.1f %s, QEMU %.1f %s\n", test, m, all, (m >= 1 ? "met" : "NOT met"), median(ours, n), unit[test], median(theirs, n), unit[test]
            printf "%s\n {\"name\": \"net-%s-ratio\", \"value\": %.3f, \"unit\": \"\", \"goal\": \">= 1\", \"met\": %s}", (k > 1 ? "," : ""), test, m, (m >= 1 ? "true" : "false") >>"/results/results.json"
        }
        printf "\n]\n" >>"/results/results.json"
    }' "$values"
