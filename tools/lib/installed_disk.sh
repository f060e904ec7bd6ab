#!/bin/bash
# installed_disk.sh: a disk with an installed Debian 12: MBR, GRUB, the generic kernel, systemd, a login on screen and serial.
#
#   installed_disk.sh disk.img       prints the image's path, making it first (minutes); copy it before a guest writes
#
# Exit status 3: not available because apt, the network or root is not. No loop device, no mount: the file system is filled by
# mke2fs, GRUB's parts go where GNU GRUB 2.06, "BIOS installation" has them.
# shellcheck source=tools/lib/guests.sh
. "$(dirname "${BASH_SOURCE[0]}")/guests.sh"

FIRST_SECTOR=2048 SIZE_MIB=1536 LABEL=twin86
PACKAGES=linux-image-amd64,systemd-sysv,udev,kmod,initramfs-tools,login,grub-pc-bin

install_system() { # TREE
    apt_ready linux-image-amd64 || return
    mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="$PACKAGES" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$1" >&2 || {
        note "mmdebstrap failed: is the network up?"
        return 3
    }
}

# root without a password, file system by its label whatever disk it is on, GRUB and logins on both consoles.
configure_system() { # TREE
    chroot "$1" passwd --delete root >/dev/null && echo twin86 >"$1/etc/hostname" &&
        echo "LABEL=$LABEL / ext4 defaults,errors=remount-ro 0 1" >"$1/etc/fstab" &&
        ln -s /lib/systemd/system/serial-getty@.service \
            "$1/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service" && mkdir -p "$1/boot/grub" &&
        cat >"$1/boot/grub/grub.cfg" <<END
set timeout=1
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
menuentry "Debian" {
    linux /vmlinuz root=LABEL=$LABEL ro console=tty0 console=ttyS0,115200
    initrd /initrd.img
}
END
}

# boot.img loads core.img's first sector from sector 1 (its field at 0x5c), and that one the rest from sector 2 (its list at
# 0x1f4, which grub-mkimage has filled in).
write_boot_code() { # TREE IMAGE
    chroot "$1" grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /tmp/core.img biosdisk part_msdos ext2 normal linux \
        configfile serial terminal search search_label echo ls minicmd &&
        [ "$(stat -c %s "$1/tmp/core.img")" -le $((512 * (FIRST_SECTOR - 1))) ] &&
        dd if="$1/usr/lib/grub/i386-pc/boot.img" of="$2" bs=440 count=1 conv=notrunc status=none &&
        dd if="$1/tmp/core.img" of="$2" bs=512 seek=1 conv=notrunc status=none && rm "$1/tmp/core.img"
}

# The file system is made inside the image, behind the partition's offset.
make_image() { # TREE IMAGE
    truncate -s ${SIZE_MIB}M "$2" && echo "$FIRST_SECTOR,,83,*" | /sbin/sfdisk --quiet "$2" >&2 && write_boot_code "$1" "$2" &&
        /sbin/mke2fs -q -t ext4 -L $LABEL -d "$1" -E offset=$((512 * FIRST_SECTOR)) "$2" $((SIZE_MIB - 1))M >&2
}

build_disk() { # DESTINATION
    local work
    [ ! -f "$1" ] || return 0
    [ "$(id -u)" = 0 ] || { note "an installed disk is made by root"; return 3; }
    note "installing Debian into a disk image: takes minutes"
    work=$(mktemp -d "$CACHE_DIR/.installed.XXXXXX") || return
    chmod 755 "$work"
    install_system "$work/tree" && configure_system "$work/tree" && make_image "$work/tree" "$work/disk.img" &&
        mv "$work/disk.img" "$1"
    local status=$?
    rm -rf "$work"
    return $status
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -uo pipefail
    case ${1:---help} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
    [ "$*" = disk.img ] || die "unknown file: $*"
    path=$CACHE_DIR/installed-$(recipe_digest "$TOOLS_LIB/installed_disk.sh").img
    locked installed build_disk "$path" || exit
    echo "$path"
fi
