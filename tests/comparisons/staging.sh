# shellcheck shell=bash
# Functions of the scripts here: programs of this machine, with their libraries, for the nested machine and for guests.

# Copies a program and the libraries that it needs to the folder $1, each to the place that it has here.
stage_program() {
    local target=$1 program=$2 library
    install -D "$program" "$target$program"
    install -D /lib64/ld-linux-x86-64.so.2 "$target/lib64/ld-linux-x86-64.so.2"
    ldd "$program" | awk '$2 == "=>" { print $3 }' | while read -r library; do
        install -D "$library" "$target$(readlink -f "$(dirname "$library")")/$(basename "$library")"
    done
}

# QEMU with what it reads to boot a kernel, to the folder $1.
stage_qemu() {
    local target=$1 firmware
    stage_program "$target" /usr/bin/qemu-system-x86_64
    rm -r "$target/lib64" # the machine has its own
    for firmware in /usr/share/qemu/{kvmvapic,linuxboot,linuxboot_dma,pvh,bios-microvm}.bin /usr/share/seabios/bios{,-256k,-microvm}.bin; do
        install -D -m 644 "$firmware" "$target$firmware"
    done
}

# Makes the initrd $2 of a folder $1; it can follow another.
pack_initrd() {
    (cd "$1" && find . -print0 | cpio --null --create --quiet --format=newc --owner=0:0) >"$2"
}
