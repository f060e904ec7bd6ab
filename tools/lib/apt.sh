# apt.sh: gets files out of Debian packages without root and without installing anything. Source after common.sh.
# shellcheck shell=bash
#
# apt's own state is used when the host has package lists; otherwise private lists under the cache are
# fetched with the host's sources. The private dpkg status is empty, so closures are complete. APT_ARCH names another
# architecture, which has a state of its own: the host's lists need not know it.

apt_state() { echo "$CACHE_DIR/apt${APT_ARCH:+-$APT_ARCH}"; }

# apt_private TOOL ARGS...: apt-get or apt-cache over the chosen lists, resolving as if nothing were installed.
apt_private() {
    local tool=$1 lists=/var/lib/apt/lists state arch=()
    shift
    state=$(apt_state)
    mkdir -p "$state/lists/partial" "$state/archives/partial"
    : >>"$state/status"
    [ ! -f "$state/use-private" ] || lists=$state/lists
    [ -z "${APT_ARCH-}" ] || arch=(-o APT::Architecture="$APT_ARCH" -o APT::Architectures::="$APT_ARCH")
    "$tool" "${arch[@]}" -o Dir::State::Lists="$lists" -o Dir::State::status="$state/status" \
        -o Dir::Cache::archives="$state/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=0 \
        -o APT::Get::AllowUnauthenticated=0 -o Acquire::Retries=3 "$@"
}

apt_knows() { apt_private apt-cache show "$1" >/dev/null 2>&1; }

apt_fresh_lists() {
    note "fetching package lists into $(apt_state)"
    touch "$(apt_state)/use-private"
    # One unreachable third-party source makes apt-get fail; what matters is asked afterwards.
    apt_private apt-get update -qq >&2 || true
}

# apt_ready PACKAGE: makes sure the lists know PACKAGE; returns 3 when there is no way to learn about it.
apt_ready() {
    command -v apt-get >/dev/null || {
        note "no apt-get: guest files come from Debian packages"
        return 3
    }
    mkdir -p "$(apt_state)"
    apt_knows "$1" && return 0
    apt_fresh_lists
    apt_knows "$1" || {
        note "package $1 is not known to apt: is the network up, and are there deb lines for Debian in /etc/apt?"
        return 3
    }
}

# apt_closure PACKAGE...: PACKAGE and all it depends on, as name=version lines.
apt_closure() {
    apt_private apt-get -s -qq install "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p'
}

# apt_fetch DIR NAME[=VERSION]...: puts the .deb files into DIR. Lists that are out of date are renewed once.
apt_fetch() {
    local dir=$1
    shift
    mkdir -p "$dir"
    (cd "$dir" && apt_private apt-get download -qq "$@" >&2) && return 0
    apt_fresh_lists
    # Versions may have moved on with the lists.
    (cd "$dir" && apt_private apt-get download -qq "${@%%=*}" >&2) || {
        note "could not download: $*"
        return 3
    }
}

# unpack_debs TREE DEB...: unpacks into TREE as the current user, without documentation and translations.
unpack_debs() {
    local tree=$1 deb
    shift
    for deb in "$@"; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --no-same-owner --keep-directory-symlink \
            --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
            --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' || return 1
    done
}

# pack_cpio TREE: an initramfs archive of TREE on standard output; equal trees give equal archives.
pack_cpio() {
    (cd "$1" && find . -exec touch -h -d @1700000000 {} + && find . | LC_ALL=C sort |
        cpio --create --format=newc --owner=0:0 --reproducible --quiet)
}
