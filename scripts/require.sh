#!/bin/sh
# Makes sure that programs are there, and installs those that Debian has: require.sh [node|nats|nats-to-run|nats-cluster|chromium|peers]...
set -eu
CLUSTER_VERSION=v2.15.2

fail() {
  echo "halley: $1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Whether as_root will work: as root, with sudo that asks nothing, or with sudo and somebody to answer it.
can_be_root() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# install PACKAGE PROGRAM: installs a package of Debian, or says what to install.
install() {
  command -v apt-get >/dev/null || fail "$2 is missing, and this is no Debian: install $2 so that it is on PATH"
  can_be_root || fail "$2 is missing: install it (as root: apt-get install $1)"
  echo "halley: $2 is missing; installing Debian's package $1" >&2
  apt_install "$1" || { as_root apt-get update -q >&2 && apt_install "$1"; } || fail "$2 could not be installed: apt-get install $1 failed"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >&2
}

require_node() {
  command -v node >/dev/null || fail "Node.js is missing: install Node.js 20 or newer with npm (https://nodejs.org/en/download)"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node.js $(node -v) is too old: install Node.js 20 or newer (https://nodejs.org/en/download)"
  command -v npm >/dev/null || fail "npm is missing: install npm, which comes with Node.js (https://nodejs.org/en/download)"
}

require_nats() {
  if [ -z "${HALLEY_NATS_SERVER:-}" ] && ! command -v nats-server >/dev/null; then
    install nats-server nats-server
    # The package starts a service on port 4222; it was not there before, and halley dev brings its own server.
    if [ -d /run/systemd/system ]; then as_root systemctl disable --now nats-server.service >&2 || true; fi
  fi
  check_nats "${HALLEY_NATS_SERVER:-nats-server}"
}

# check_nats PROGRAM: whether it can be run, and is new enough.
check_nats() {
  said=$("$1" --version 2>/dev/null) || fail "$1 can't be run: install nats-server, or name one in HALLEY_NATS_SERVER"
  version=$(echo "$said" | sed -n 's/.*[^0-9.]\([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p')
  oldest=$(sed -n 's/.*OLDEST_SERVER = "\(.*\)".*/\1/p' "$(dirname "$0")/../lib/bus/serverVersion.ts")
  [ -n "$version" ] || fail "$1 does not say its version like nats-server: install nats-server, or name one in HALLEY_NATS_SERVER"
  [ "$(number_of "$version")" -ge "$(number_of "$oldest")" ] ||
    fail "$1 is version $version, at least $oldest is needed: install a newer nats-server, or name one in HALLEY_NATS_SERVER"
}

# number_of 2.9.10: 2009010, to be compared.
number_of() {
  echo "$1" | { IFS=. read -r major minor patch && echo $((major * 1000000 + minor * 1000 + patch)); }
}

# The tests of clusters need a nats-server that Debian does not have. Where it can't be had they are left out, and say so.
require_nats_cluster() {
  [ -z "${HALLEY_NATS_CLUSTER_SERVER:-}" ] || return 0
  [ ! -x .tools/nats-server ] || return 0
  if command -v go >/dev/null; then
    echo "halley: building nats-server $CLUSTER_VERSION for the tests of clusters" >&2
    GOBIN="$PWD/.tools" go install "github.com/nats-io/nats-server/v2@$CLUSTER_VERSION" >&2 && return
  fi
  echo "halley: the tests of clusters are left out: they need nats-server 2.11 or newer (name it in HALLEY_NATS_CLUSTER_SERVER, or install Go)" >&2
}

require_chromium() {
  command -v chromium >/dev/null || install chromium chromium
}

# What the bench measures Halley beside. Peers that can't be had are left out, and the bench says so.
require_peers() {
  require_nchan || echo "halley: nchan is left out of the bench: it needs nginx with nchan (Debian's packages nginx and libnginx-mod-nchan) and root once" >&2
  [ -d bench/peers/node_modules/socket.io ] || npm ci --prefix bench/peers --no-fund --no-audit >&2 ||
    echo "halley: Socket.IO is left out of the bench: npm ci in bench/peers failed" >&2
}

# Debian's packages unpacked into .tools/nchan and not installed: that would start a web server on port 80.
require_nchan() {
  root=.tools/nchan
  if [ ! -e /usr/lib/nginx/modules/ngx_nchan_module.so ] && [ ! -e "$root/usr/lib/nginx/modules/ngx_nchan_module.so" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
    echo "halley: unpacking Debian's nginx with nchan into $root for the bench" >&2
    rm -rf "$root" && mkdir -p "$root/packages" || return 1
    download_nchan "$root/packages" || { can_be_root && as_root apt-get update -q >&2 && download_nchan "$root/packages"; } || return 1
    for package in "$root"/packages/*.deb; do dpkg -x "$package" "$root" || return 1; done
  fi
  # nchan makes a folder in there and takes no other place (1.3.6).
  [ -d /var/lib/nginx/body ] || { can_be_root && as_root mkdir -p /var/lib/nginx/body; }
}

download_nchan() {
  (cd "$1" && apt-get download -q nginx libnginx-mod-nchan >&2)
}

for what in "$@"; do
  case "$what" in
    node) require_node ;;
    nats) require_nats ;;
    nats-to-run) [ -n "${HALLEY_NATS_URL:-}" ] || require_nats ;;
    nats-cluster) require_nats_cluster ;;
    chromium) require_chromium ;;
    peers) require_peers ;;
    *) fail "require.sh does not know $what" ;;
  esac
done
