#!/bin/bash
# userland.sh: initial RAM disks with programs from Debian packages and all that these depend on.
#
#   userland.sh SET...           prints the path of each set's image (uncompressed cpio), making it first
#   userland.sh --tree bench     the unpacked directory of that set, to chroot into
#
# Sets: python, tools, gcc, selftests, bench. Nothing is installed, maintainer scripts do not run, root is not needed.
# Exit status 3: not available because apt or the network is not.
# shellcheck source=tools/lib/guests.sh
. "$(dirname "${BASH_SOURCE[0]}")/guests.sh"

set_packages() {
    case $1 in
        python) echo python3 libpython3.11-testsuite ;;
        tools) echo perl openssl gzip xz-utils zstd bzip2 7zip stress-ng diffutils ;;
        gcc) echo gcc g++ libc6-dev make ;;
        selftests) echo gcc make libc6-dev-i386 lib32gcc-12-dev linux-source xz-utils ;;
        bench) echo python3 gzip openssl ;;
        *) die "unknown set $1 (python, tools, gcc, selftests, bench)" ;;
    esac
}

# What a set has besides its packages: ADDITIONS/<set>, a shell script that runs with the tree as its argument.
ADDITIONS=$TOOLS_LIB/userland

build_userland() { # SET DESTINATION_DIR
    local work packages
    [ ! -f "$2/image.cpio" ] || return 0
    read -r -a packages <<<"$(set_packages "$1")"
    work=$(mktemp -d "$CACHE_DIR/.userland.XXXXXX") || return
    (
        apt_ready "${packages[0]}" || exit
        mapfile -t closure < <(apt_closure "${packages[@]}")
        [ ${#closure[@]} -ge ${#packages[@]} ] || { note "cannot resolve ${packages[*]}"; exit 3; }
        note "building user space '$1' of ${#closure[@]} packages"
        # Downloads are shared between the sets.
        apt_fetch_shared "${closure[@]}" || exit
        base_tree "$work/tree" && unpack_debs "$work/tree" "${DEBS[@]}" || exit 1
        [ ! -f "$ADDITIONS/$1" ] || bash -eu "$ADDITIONS/$1" "$work/tree" || exit 1
        pack_cpio "$work/tree" >"$work/image.cpio" && printf '%s\n' "${DEBS[@]##*/}" >"$work/packages" &&
            { [ "$1" = bench ] || { chmod -R u+w "$work/tree" && rm -rf "$work/tree"; }; } &&
            rm -rf "$2" && mv -T "$work" "$2"
    )
    local status=$?
    # Directories of packages may be read-only.
    [ ! -d "$work" ] || { chmod -R u+w "$work"; rm -rf "$work"; }
    return $status
}

# Fetches name=version items that $CACHE_DIR/debs lacks; sets DEBS to the files of all.
apt_fetch_shared() {
    local item name version missing=() dir=$CACHE_DIR/debs
    mkdir -p "$dir"
    for item in "$@"; do [ -n "$(deb_of "$item")" ] || missing+=("$item"); done
    [ ${#missing[@]} = 0 ] || apt_fetch "$dir" "${missing[@]}" || return
    DEBS=()
    for item in "$@"; do
        name=$(deb_of "$item")
        # Lists renewed on the way name another version.
        [ -n "$name" ] || name=$(deb_of "${item%%=*}=*")
        [ -n "$name" ] || { note "no file for $item"; return 3; }
        DEBS+=("$name")
    done
}

# The file that apt-get download made of name=version (a colon of the epoch becomes %3a), or nothing.
deb_of() {
    local name=${1%%=*} version=${1#*=}
    compgen -G "$CACHE_DIR/debs/${name%%:*}_${version//:/%3a}_*.deb" | tail -1
}

userland() { # SET FILE
    local recipe=("$TOOLS_LIB/guest-init" "$TOOLS_LIB/userland.sh" "$TOOLS_LIB/guests.sh")
    [ ! -e "$ADDITIONS/$1" ] || recipe+=("$ADDITIONS/$1"*)
    local dir
    set_packages "$1" >/dev/null
    dir=$CACHE_DIR/userland-$1-$(recipe_digest "${recipe[@]}")
    locked userland build_userland "$1" "$dir" || return
    echo "$dir/$2"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -uo pipefail
    file=image.cpio
    case ${1:---help} in
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        --tree) [ "$*" = "--tree bench" ] || die "only the tree of bench is kept"; file=tree; shift ;;
    esac
    for name in "$@"; do userland "$name" $file || exit; done
fi
