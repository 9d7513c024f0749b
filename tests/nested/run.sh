#!/usr/bin/env bash
# Runs one command inside the nested machine: an emulated PC whose CPU offers SVM with nested paging, so that the Linux
# in it has a true /dev/kvm. Needs no privilege and no virtualization on this machine. See README.md.
set -euo pipefail
if ! { exec 7<&0; } 2>/dev/null; then exec 7</dev/null; fi # for --interactive; CI may start us with stdin closed
exec </dev/null       # and descriptor 0 must not become some file of ours

usage() {
    cat <<'END'
Usage: run.sh [OPTION]... -- COMMAND [ARGUMENT]...

  --cpus N              processors of the machine (default 1)
  --memory MIB          its memory (default 2048)
  --timeout SECONDS     limit for the command, from its start (default 600)
  --results DIR         copy what the command left in /results to DIR, also after a failure or a timeout
  --add PATH:GUESTPATH  copy a folder's contents, or a file, into the machine; may be repeated
  --env NAME=VALUE      set a variable for the command; may be repeated
  --console FILE        keep the kernel's messages, all of them, in FILE
  --prealloc            take all its memory from this machine before it starts, so that measurements do not meet first touches
  --interactive         the command reads our input: a terminal, which is its alone until it ends, or a pipe
  --machine DIR         parts made by build.sh --out DIR (default: artifacts/nested in the repository)

Output and error output of the command both go to our output. Our own messages go to our error output.
Exit code: that of the command, or
  124  the command was still running at its time limit
  125  the machine did not start, or broke down; or the options are wrong
A message says which, since a command may return these codes as well.
END
}

say() { echo "run.sh: $*" >&2; }

die() {
    say "$@"
    exit 125
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
machine=$here/../../artifacts/nested
cpus=1
memory=2048
timeout=600
results=
console=
interactive=false
prealloc=()
added=()
variables=(
    HOME=/root
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    DOTNET_ROOT=/usr/share/dotnet
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
)
boot_limit=120 # seconds; a quiet machine takes 2

need_number() { [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 needs a whole number above 0, not '$2'"; }

while (($# > 0)); do
    option=$1
    case $option in
        --)
            shift
            break
            ;;
        --interactive)
            interactive=true
            shift
            continue
            ;;
        --prealloc)
            prealloc=(-mem-prealloc)
            shift
            continue
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        --cpus | --memory | --timeout | --results | --add | --env | --console | --machine)
            (($# >= 2)) || die "$option needs a value"
            value=$2
            shift 2
            ;;
        *)
            usage >&2
            die "unknown argument '$option' (the command comes after --)"
            ;;
    esac
    case $option in
        --cpus) need_number "$option" "$value" && cpus=$value ;;
        --memory) need_number "$option" "$value" && memory=$value ;;
        --timeout) need_number "$option" "$value" && timeout=$value ;;
        --results) results=$value ;;
        --console) console=$value ;;
        --machine) machine=$value ;;
        --env)
            [[ $value =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || die "--env needs NAME=VALUE, not '$value'"
            variables+=("$value")
            ;;
        --add)
            [[ $value == *:/* ]] || die "--add needs PATH:GUESTPATH with an absolute GUESTPATH, not '$value'"
            [[ -e ${value%:*} ]] || die "--add: there is no ${value%:*}"
            case ${value##*:}/ in
                /dev/* | /proc/* | /sys/* | /tmp/* | /run/* | */../*)
                    die "--add cannot copy to ${value##*:}: use a folder of your own, as /tests"
                    ;;
            esac
            added+=("$value")
            ;;
    esac
done
(($# > 0)) || {
    usage >&2
    die "no command given"
}

PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 mke2fs debugfs; do
    command -v "$tool" >/dev/null || die "$tool is missing: run install.sh"
done

# Everything of this run is in here, so that runs at the same time do not meet.
work=$(mktemp -d "${TMPDIR:-/tmp}/nested.XXXXXX")
qemu=
tail=
terminal=
if $interactive && [[ -t 7 ]]; then
    terminal=$(stty -g <&7)
fi
clean_up() {
    [[ -z $qemu ]] || kill -KILL "$qemu" 2>/dev/null || true
    [[ -z $tail ]] || kill "$tail" 2>/dev/null || true
    [[ -z $terminal ]] || stty "$terminal" <&7 2>/dev/null || true # QEMU had it in raw mode
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Where this machine keeps .NET. Asked of dotnet itself, since the one on PATH may be a link or a script.
find_dotnet() {
    local line
    line=$(dotnet --list-runtimes 2>/dev/null | grep -m 1 '^Microsoft\.NETCore\.App ') \
        || die "no .NET runtime found: 'dotnet --list-runtimes' must show Microsoft.NETCore.App"
    line=${line#*\[}
    echo "${line%/shared/Microsoft.NETCore.App\]*}"
}

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# The command as a script for busybox's shell.
write_command() {
    local variable argument
    for variable in "${variables[@]}"; do
        echo "export ${variable%%=*}=$(quote "${variable#*=}")"
    done
    printf 'exec'
    for argument in "$@"; do
        printf ' %s' "$(quote "$argument")"
    done
    echo
}

make_disk() {
    local root=$work/root dotnet addition target size
    mkdir "$root"
    cp -a "$machine/rootfs/." "$root"

    dotnet=$(find_dotnet)
    mkdir -p "$root/usr/share/dotnet/shared"
    cp -a "$dotnet/dotnet" "$dotnet/host" "$root/usr/share/dotnet"
    cp -a "$dotnet/shared/Microsoft.NETCore.App" "$root/usr/share/dotnet/shared"
    ln -s ../share/dotnet/dotnet "$root/usr/bin/dotnet"

    for addition in "${added[@]}"; do
        target=$root${addition##*:}
        if [[ -d ${addition%:*} ]]; then
            mkdir -p "$target"
            cp -a "${addition%:*}/." "$target"
        else
            mkdir -p "$(dirname "$target")"
            cp -aL "${addition%:*}" "$target"
        fi
    done
    write_command "$@" >"$root/.command"

    # The contents, a tenth for the filesystem's own tables, and room for what the command writes. The file is sparse.
    size=$(du -sm "$root" | cut -f 1)
    truncate -s "$((size + size / 10 + 512))M" "$work/disk"
    mke2fs -q -F -t ext4 -O ^has_journal -E root_owner=0:0 -m 0 -d "$root" "$work/disk"
    rm -rf "$root"
}

start_machine() {
    local verbosity=quiet arguments
    [[ -z $console ]] || verbosity=
    arguments=(
        -no-user-config -nodefaults -display none -no-reboot
        -M q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$memory" "${prealloc[@]}"
        -kernel "$machine/vmlinux" -initrd "$machine/initramfs"
        # rcu_expedited: a VM is destroyed in half the time, which tests with many of them feel.
        -append "console=ttyS0 panic=-1 reboot=t mitigations=off rcupdate.rcu_expedited=1 $verbosity"
        -chardev "file,id=console,path=$work/console" -serial chardev:console
        # The first virtio device, so that its ports are called vport0p1 and vport0p2.
        # Files, not pipes: they take everything at once, so nothing is lost when the machine stops, and a slow reader of
        # our output cannot hold up the machine. ioeventfd=off: a write has reached the file when the guest goes on.
        -device virtio-serial-pci,ioeventfd=off
        -chardev "file,id=output,path=$work/output" -device virtserialport,chardev=output,nr=1
        -chardev "file,id=status,path=$work/status" -device virtserialport,chardev=status,nr=2
        -chardev "pipe,id=beat,path=$work/beat" -device virtserialport,chardev=beat,nr=4
        -drive "file=$work/disk,if=none,id=disk,format=raw,cache=unsafe" -device virtio-blk-pci,drive=disk
    )
    if $interactive; then
        arguments+=(
            -chardev stdio,id=input,signal=off -device virtserialport,chardev=input,nr=3
        )
    fi
    touch "$work"/{output,status,console}
    mkfifo "$work"/beat.{in,out}
    exec 6<>"$work/beat.in"
    # pdeathsig: QEMU goes when this script is killed in a way that it cannot clean up after. 8>&-: not the lock.
    setpriv --pdeathsig KILL qemu-system-x86_64 "${arguments[@]}" <&7 >"$work/qemu" 2>&1 6>&- 8>&- &
    qemu=$!
    tail -c +1 -f -s 0.1 --pid="$qemu" "$work/output" 2>/dev/null 8>&- &
    tail=$!
}

# Sleeps in the shell itself: nothing is ever written to this pipe.
mkfifo "$work/never"
exec 9<>"$work/never"
nap() { read -r -t "$1" -u 9 || true; }

# QEMU's emulation of VMRUN changes the processor's pending interrupts without its lock (7.2), and so loses one now and then: a
# machine that waits for its timer then waits for ever, unless another interrupt comes, which brings the lost one with it.
beat() { printf . >&6; }

# Time limits, in microseconds. EPOCHREALTIME writes a point or a comma between seconds and fraction.
set_limit() { limit=$((${EPOCHREALTIME//[.,]/} + $1 * 1000000)); }
in_time() { ((${EPOCHREALTIME//[.,]/} < limit)); }

running() { kill -0 "$qemu" 2>/dev/null; }
started() { [[ -s $work/status ]]; }

# CPU time that QEMU has used, in hundredths of a second.
cpu_time() {
    local fields
    fields=$(<"/proc/$qemu/stat")
    read -r -a fields <<<"${fields##*) }" # after the name in parentheses comes field 3
    echo $(((fields[11] + fields[12]) * 100 / $(getconf CLK_TCK)))
}

# What QEMU is doing, in words: tells a slow command from a machine that waits for something that does not come.
describe_activity() {
    local before after
    before=$(cpu_time)
    nap 1
    after=$(cpu_time)
    if ((after - before < 10)); then
        echo "the machine is idle ($((after - before))% of a processor): something in it waits, or it stalled"
    else
        echo "the machine is busy ($((after - before))% of a processor): it may only need more time"
    fi
}

describe_silence() {
    if [[ -s $work/output ]]; then
        echo "its last output came $(($(date +%s) - $(stat -c %Y "$work/output"))) s ago"
    else
        echo "it had written nothing"
    fi
}

stop_machine() {
    kill -KILL "$qemu" 2>/dev/null || true
    wait "$qemu" 2>/dev/null || true
    wait "$tail" 2>/dev/null || true # prints the rest of the output
    qemu=
    tail=
}

save_results() {
    [[ -n $results ]] || return 0
    mkdir -p "$results" "$work/results"
    # debugfs reads the disk image without mounting it. It always returns 0 and greets on error output.
    debugfs -R "rdump /results $work/results" "$work/disk" >"$work/debugfs" 2>&1 || true
    if [[ -d $work/results/results ]]; then
        cp -r "$work/results/results/." "$results"
    else
        say "could not read /results from the disk of the machine:"
        cat "$work/debugfs" >&2
    fi
}

save_console() {
    [[ -z $console ]] || cp "$work/console" "$console"
}

show_console() {
    if [[ -s $work/console ]]; then
        say "last lines of its console:"
        tail -n 40 "$work/console" | tr -d '\r' | sed 's/^/    /' >&2
    else
        say "its console is empty: QEMU could not start it, or --memory is too little for the kernel"
    fi
    sed 's/^/    qemu: /' "$work/qemu" >&2
}

"$here/build.sh" --out "$machine" || die "build.sh failed"
# Nobody rebuilds the parts until the machine has read them.
exec 8>"$machine/lock"
flock --shared 8

make_disk "$@"
start_machine

set_limit "$boot_limit"
while running && ! started && in_time; do
    nap 0.1
    beat
done
exec 8>&-
if ! started; then
    if running; then
        problem="the machine did not get to the command within $boot_limit s; $(describe_activity)"
    else
        problem="the machine stopped before it got to the command"
    fi
    stop_machine
    save_console
    say "$problem"
    show_console
    exit 125
fi

set_limit "$timeout"
while running && in_time; do
    nap 0.1
    beat
done
problem=
if running; then
    problem="the command was still running at its limit of $timeout s and was stopped; $(describe_silence); $(describe_activity)"
fi
stop_machine
save_console
save_results

code=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$work/status")
if [[ -n $code ]]; then # also when it ended just as the time was up
    exit "$code"
elif [[ -n $problem ]]; then
    say "$problem"
    # The kernel is silent unless something troubles it, as a task that hangs.
    [[ ! -s $work/console ]] || show_console
    exit 124
else
    say "the machine broke down while the command ran"
    show_console
    exit 125
fi
