# SPDX-License-Identifier: Apache-2.0
# Sourced by ./demo, ./check and ./bench: makes a fresh Debian 12 able to build and run Bulwark, and builds it.
# Needs nothing but a shell, dpkg and apt.

root=$(cd "$(dirname "$0")" && pwd)
cd "$root" || exit 1

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') red=$(printf '\033[31m')
	plain=$(printf '\033[0m')
else
	bold='' dim='' green='' red='' plain=''
fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
die() {
	printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" || die "this needs root: run it as root or with sudo"; fi
}

wanted_packages() { sed 's/#.*//' packages.txt | tr -s ' \t\n' '\n' | grep . ; }

missing_packages() {
	for package in $(wanted_packages); do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

install_packages() {
	missing=$(missing_packages)
	[ -z "$missing" ] && return 0
	say "installing Debian packages:" $missing
	log=$(mktemp)
	{ as_root apt-get -q update && as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install $missing; } >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; rm -f "$log"; die "the packages could not be installed"; }
	rm -f "$log"
}

# build FOLDER [meson options]: configures once, then builds; quiet unless it fails.
build() {
	dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		say "configuring $dir"
		meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; die "configuring $dir failed"; }
		rm -f "$dir.log"
	fi
	say "building $dir"
	ninja -C "$dir" >"$dir/build.log" 2>&1 || { grep -E -A6 'error|FAILED' "$dir/build.log" >&2; die "building $dir failed"; }
}
