# shellcheck shell=bash
# What the build scripts under tests have alike: their options, and the folder that they fill. Sourced by scripts with 'set -euo pipefail' that define usage.

die() {
    echo "build.sh: $*" >&2
    exit 1
}

# Reads the command line: $1 is the one switch that the script has besides ('' where it has none), the rest are its arguments.
# --out DIR sets out; the switch makes switched true.
read_options() {
    local switch=$1
    shift
    switched=false
    while (($# > 0)); do
        case $1 in
            --out)
                (($# >= 2)) || die "--out needs a folder"
                out=$2
                shift
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            *)
                [[ -n $switch && $1 == "$switch" ]] || {
                    usage >&2
                    die "unknown argument '$1'"
                }
                switched=true
                ;;
        esac
        shift
    done
}

# Makes the folder out, and its path absolute. One build at a time: the script has its lock to its end.
enter_out() {
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    exec 8>"$out/lock"
    flock 8
}
