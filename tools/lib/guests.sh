#!/bin/bash
# guests.sh: kernels and initial RAM disks for guests, out of Debian packages, kept in a cache outside the tree.
#
#   guests.sh kernel-cloud kernel-generic initrd-shell      prints the path of each, fetching or building it first
#   also: initrd-disk (for kernel-cloud) initrd-{sata,mouse} (for kernel-generic) memtest86+{x64,ia32}.bin memtest86+x64.efi
#   grub-rescue-cdrom.iso grub-rescue-floppy.img memtest86+x64.iso memtest86+ia32.iso OVMF.fd
#   installer-{text,gtk}-{kernel,initrd} pxe-e1000.rom u-boot-{x86,x86_64}.rom OVMF_CODE.fd OVMF_VARS.fd OVMF_CODE_4M.fd OVMF_VARS_4M.fd
#
# Exit status 3: not available because apt or the network is not. Needs no root. TWIN86_CACHE names the cache.
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tools/lib/apt.sh
. "$TOOLS_LIB/apt.sh"

# locked NAME CMD...: CMD while no other process makes guest file NAME.
locked() {
    mkdir -p "$CACHE_DIR"
    (
        flock 9
        "${@:2}"
    ) 9>"$CACHE_DIR/.lock-$1"
}

# The package that a meta package such as linux-image-cloud-amd64 stands for.
real_package() {
    apt_private apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -1
}

fetch_kernel() { # META DESTINATION_DIR
    local work package
    [ ! -f "$2/vmlinuz" ] || return 0
    apt_ready "$1" || return
    package=$(real_package "$1")
    [ -n "$package" ] || { note "$1 names no kernel package"; return 3; }
    note "fetching $package"
    work=$(mktemp -d "$CACHE_DIR/.kernel.XXXXXX") || return
    apt_fetch "$work" "$package" && mkdir "$work/tree" && unpack_debs "$work/tree" "$work"/*.deb &&
        mkdir "$work/done" && mv "$work"/tree/boot/vmlinuz-* "$work/done/vmlinuz" &&
        mv "$work"/tree/lib/modules/* "$work/done/modules" && basename "$work"/*.deb >"$work/done/package" &&
        # The generic kernel's modules are 400 MB, and nothing wants them.
        { [ "$1" = linux-image-cloud-amd64 ] || rm -rf "$work/done/modules"; } && mv -T "$work/done" "$2"
    local status=$?
    rm -rf "$work"
    return $status
}

# The generic kernel's drivers for disks and mice: the cloud kernel has none for SATA and PS/2.
fetch_drivers() { # DESTINATION_DIR
    local work package
    [ ! -d "$1" ] || return 0
    apt_ready linux-image-amd64 || return
    package=$(real_package linux-image-amd64)
    work=$(mktemp -d "$CACHE_DIR/.drivers.XXXXXX") || return
    apt_fetch "$work" "$package" && mkdir "$work/tree" "$work/done" && unpack_debs "$work/tree" "$work"/*.deb &&
        mv "$work"/tree/lib/modules/*/kernel/{drivers/{ata,scsi,cdrom,input},lib,crypto,block} "$work/done/" && mv -T "$work/done" "$1"
    local status=$?
    rm -rf "$work"
    return $status
}

fetch_busybox() { # DESTINATION_DIR
    local work
    [ ! -x "$1/busybox" ] || return 0
    apt_ready busybox-static || return
    work=$(mktemp -d "$CACHE_DIR/.busybox.XXXXXX") || return
    apt_fetch "$work" busybox-static && mkdir "$work/tree" "$work/done" &&
        unpack_debs "$work/tree" "$work"/*.deb && mv "$(find "$work/tree" -name busybox -type f -perm -100 | head -1)" "$work/done/" &&
        basename "$work"/*.deb >"$work/done/package" && mv -T "$work/done" "$1"
    local status=$?
    rm -rf "$work"
    return $status
}

# base_tree TREE: what every guest image has: mount points, busybox with all its applets, /init.
base_tree() {
    local applet kind=busybox${APT_ARCH:+-$APT_ARCH}
    local busybox=$CACHE_DIR/$kind/busybox
    locked "$kind" fetch_busybox "$CACHE_DIR/$kind" || return
    mkdir -p "$1"/{proc,sys,dev,tmp,root,etc,var,run,busybox,usr/{bin,sbin,lib,lib64}} || return
    for applet in bin sbin lib lib64; do ln -s "usr/$applet" "$1/$applet"; done
    cp "$busybox" "$1/usr/bin/busybox"
    for applet in $("$busybox" --list); do ln -s /bin/busybox "$1/busybox/$applet"; done
    ln -s busybox "$1/usr/bin/sh"
    install -m 755 "$TOOLS_LIB/guest-init" "$1/init"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
    printf '127.0.0.1 localhost\n' >"$1/etc/hosts"
}

build_shell_initrd() { # DESTINATION
    local work
    [ ! -f "$1" ] || return 0
    work=$(mktemp -d "$CACHE_DIR/.initrd.XXXXXX") || return
    base_tree "$work/tree" && pack_cpio "$work/tree" >"$work/cpio" && gzip -9n "$work/cpio" && mv "$work/cpio.gz" "$1"
    local status=$?
    rm -rf "$work"
    return $status
}

# modules_of FOLDER NAME...: kernel modules there with what they need, each before those that need it.
modules_of() {
    local name path needs
    for name in "${@:2}"; do
        path=$(find "$1" -name "${name//_/[-_]}.ko" | head -1)
        [ -n "$path" ] || continue  # built into the kernel
        needs=$(grep -a -z '^depends=' "$path" | tr -d '\0' | cut -d= -f2 | tr , ' ')
        # shellcheck disable=SC2086
        modules_of "$1" $needs
        echo "$path"
    done | awk '!seen[$0]++'
}

# The shell's image and, behind it in a second archive, /modules: drivers, in /modules/order.
build_driver_initrd() { # DESTINATION DRIVER_FOLDER DRIVER...
    local work shell module
    [ ! -f "$1" ] || return 0
    shell=$(guest_file initrd-shell) || return
    work=$(mktemp -d "$CACHE_DIR/.initrd.XXXXXX") || return
    mkdir -p "$work/tree/modules"
    for module in $(modules_of "${@:2}"); do
        cp "$module" "$work/tree/modules/" && basename "$module" >>"$work/tree/modules/order" || return
    done
    pack_cpio "$work/tree" | gzip -9n >"$work/cpio.gz" && cat "$shell" "$work/cpio.gz" >"$work/all" && mv "$work/all" "$1"
    local status=$?
    rm -rf "$work"
    return $status
}

# fetch_package PACKAGE: its files under the cache.
fetch_package() {
    local work
    [ ! -d "$CACHE_DIR/package-$1" ] || return 0
    apt_ready "$1" || return
    work=$(mktemp -d "$CACHE_DIR/.package.XXXXXX") || return
    apt_fetch "$work" "$1" && mkdir "$work/tree" && unpack_debs "$work/tree" "$work"/*.deb &&
        mv -T "$work/tree" "$CACHE_DIR/package-$1"
    local status=$?
    rm -rf "$work"
    return $status
}

# Short digest of the files that an image is made from, so that a changed recipe makes a new image.
recipe_digest() { cat "$@" | sha256sum | cut -c 1-12; }

guest_file() {
    local path
    case $1 in
        kernel-cloud)
            locked "$1" fetch_kernel linux-image-cloud-amd64 "$CACHE_DIR/$1" || return
            path=$CACHE_DIR/$1/vmlinuz
            ;;
        kernel-generic)
            locked "$1" fetch_kernel linux-image-amd64 "$CACHE_DIR/$1" || return
            path=$CACHE_DIR/$1/vmlinuz
            ;;
        kernel-686 | kernel-686-pae)
            APT_ARCH=i386 locked "$1" fetch_kernel "linux-image-${1#kernel-}" "$CACHE_DIR/$1" || return
            path=$CACHE_DIR/$1/vmlinuz
            ;;
        initrd-shell-i386)
            path=$CACHE_DIR/shell-i386-$(recipe_digest "$TOOLS_LIB/guest-init" "$TOOLS_LIB/guests.sh").cpio.gz
            APT_ARCH=i386 locked "$1" build_shell_initrd "$path" || return
            ;;
        initrd-shell)
            path=$CACHE_DIR/shell-$(recipe_digest "$TOOLS_LIB/guest-init" "$TOOLS_LIB/guests.sh").cpio.gz
            locked "$1" build_shell_initrd "$path" || return
            ;;
        initrd-disk)
            path=$CACHE_DIR/disk-$(recipe_digest "$TOOLS_LIB/guest-init" "$TOOLS_LIB/guests.sh").cpio.gz
            guest_file kernel-cloud >/dev/null || return
            locked "$1" build_driver_initrd "$path" "$CACHE_DIR/kernel-cloud/modules" ata_piix sd_mod sr_mod isofs ext4 || return
            ;;
        initrd-sata)
            path=$CACHE_DIR/sata-$(recipe_digest "$TOOLS_LIB/guest-init" "$TOOLS_LIB/guests.sh").cpio.gz
            locked drivers fetch_drivers "$CACHE_DIR/drivers-generic-2" || return
            locked "$1" build_driver_initrd "$path" "$CACHE_DIR/drivers-generic-2" ahci sd_mod sr_mod || return
            ;;
        initrd-mouse)
            path=$CACHE_DIR/mouse-$(recipe_digest "$TOOLS_LIB/guest-init" "$TOOLS_LIB/guests.sh").cpio.gz
            locked drivers fetch_drivers "$CACHE_DIR/drivers-generic-2" || return
            locked "$1" build_driver_initrd "$path" "$CACHE_DIR/drivers-generic-2" psmouse mousedev || return
            ;;
        grub-rescue-cdrom.iso | grub-rescue-floppy.img)
            locked grub-rescue-pc fetch_package grub-rescue-pc || return
            path=$CACHE_DIR/package-grub-rescue-pc/usr/lib/grub-rescue/$1
            ;;
        memtest86+x64.bin | memtest86+ia32.bin | memtest86+x64.efi)
            locked memtest86+ fetch_package memtest86+ || return
            path=$CACHE_DIR/package-memtest86+/boot/$1
            ;;
        memtest86+x64.iso | memtest86+ia32.iso)
            locked memtest86+ fetch_package memtest86+ || return
            path=$CACHE_DIR/package-memtest86+/usr/lib/memtest86+/$1
            ;;
        installer-text-kernel | installer-text-initrd | installer-gtk-kernel | installer-gtk-initrd)
            locked installer fetch_package debian-installer-12-netboot-amd64 || return
            path=${1#installer-} path=${path%-*}
            path=$CACHE_DIR/package-debian-installer-12-netboot-amd64/usr/lib/debian-installer/images/12/amd64/$path
            path=$path/debian-installer/amd64
            case $1 in *-kernel) path=$path/linux ;; *) path=$path/initrd.gz ;; esac
            ;;
        pxe-e1000.rom)
            locked ipxe-qemu fetch_package ipxe-qemu || return
            path=$CACHE_DIR/package-ipxe-qemu/usr/lib/ipxe/qemu/$1
            ;;
        u-boot-x86.rom | u-boot-x86_64.rom)
            locked u-boot-qemu fetch_package u-boot-qemu || return
            path=${1#u-boot-}
            path=$CACHE_DIR/package-u-boot-qemu/usr/lib/u-boot/qemu-${path%.rom}/u-boot.rom
            ;;
        OVMF.fd)
            locked ovmf fetch_package ovmf || return
            path=$CACHE_DIR/package-ovmf/usr/share/ovmf/OVMF.fd
            ;;
        OVMF_CODE.fd | OVMF_VARS.fd | OVMF_CODE_4M.fd | OVMF_VARS_4M.fd)
            locked ovmf fetch_package ovmf || return
            path=$CACHE_DIR/package-ovmf/usr/share/OVMF/$1
            ;;
        *) die "unknown guest file: $1 (see guests.sh --help)" ;;
    esac
    echo "$path"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -uo pipefail
    case ${1:---help} in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
    for name in "$@"; do guest_file "$name" || exit; done
fi
