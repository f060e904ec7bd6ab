# common.sh: shell functions shared by the commands in tools/. Source it; it runs nothing by itself.
# shellcheck shell=bash

TOOLS_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_ROOT=$(cd "$TOOLS_LIB/../.." && pwd)
CACHE_DIR=${TWIN86_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/twin86}

note() { printf '== %s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# as_root CMD...: runs CMD as root, or returns 1 when that is not possible without asking for a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

can_be_root() { as_root true 2>/dev/null; }

# Names in the package list that are not installed, on one line.
missing_packages() {
    local name missing=()
    while read -r name _; do
        case $name in '' | '#'*) continue ;; esac
        case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
            installed) ;;
            *) missing+=("$name") ;;
        esac
    done <"$TOOLS_LIB/packages"
    printf '%s' "${missing[*]-}"
}

# Installs what tools/lib/packages lists and the system lacks. Quiet and quick when nothing is missing.
ensure_packages() {
    command -v apt-get >/dev/null || {
        note "no apt-get here: see tools/lib/packages for what is needed (names as in Debian 12)"
        return 0
    }
    local missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if ! can_be_root; then
        printf 'as root run: apt-get install %s\n' "$missing" >&2
        exit 1
    fi
    note "installing: $missing"
    local install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $missing"
    local env="env DEBIAN_FRONTEND=noninteractive"
    # Package lists may be absent (container images) or name versions that the mirror has dropped since.
    # shellcheck disable=SC2086
    if ! as_root $env $install </dev/null >/dev/null 2>&1; then
        as_root $env apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null >&2 || note "apt-get update had errors"
        as_root $env $install </dev/null >&2 || die "could not install: $missing"
    fi
}

# build_tree DIR MESON_OPTIONS...: configures DIR once; later calls only let ninja look.
build_tree() {
    local dir=$1
    shift
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$SOURCE_ROOT" "$@" >&2 || {
        # A directory that a stopped run left half configured.
        [ ! -d "$dir/meson-private" ] || meson setup --wipe "$dir" "$SOURCE_ROOT" "$@" >&2
    }
}
