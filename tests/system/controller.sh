# SPDX-License-Identifier: Apache-2.0
# Sourced by system tests of the HTTP interface, after steps.sh: one bulwarkd on the loopback interface, as a user without
# any privilege, and questions to it with curl. Wants: $root, $bin, $run.
. "$root/lab/wait.sh"
# Two ports on which nobody listens: two questions, one after the other, may get the same answer.
read -r port netconf < <(python3 -c '
import socket
both = [socket.socket(socket.AF_INET6) for _ in range(2)]
for s in both:
    s.bind(("::1", 0))
print(*[s.getsockname()[1] for s in both])')
url=https://[::1]:$port
cfi=ietf-i2nsf-cons-facing-interface

finish() {
	local pid
	for pid in ${controller:-} ${helpers:-}; do kill -9 "$pid" 2>/dev/null; done
	put_away
}
trap finish EXIT

pki() { "$bin/src/cli/bulwark" pki "$@" >/dev/null; }
# Without capabilities and privileges, whoever runs the test.
drop=()
[ "$(id -u)" = 0 ] &&
	drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all)
bulwarkd=("${drop[@]}" "$bin/src/controller/bulwarkd" --config "$run/bulwarkd.conf")
launch() {
	"${bulwarkd[@]}" 2>>"$run/controller.log" &
	controller=$!
}
second_refused() { ! "${bulwarkd[@]}" 2>"$run/second.log"; }
ask() { # ask IDENTITY METHOD PATH [curl options]: the status; headers in $run/head, the body in $run/body
	local who=$1 method=$2 path=$3 identity=()
	shift 3
	[ "$who" != nobody ] && identity=(--cert "$run/$who/$who.pem" --key "$run/$who/$who.key")
	[ "$method" = HEAD ] && method_options=(--head) || method_options=(-X "$method")
	curl -sS --max-time 60 --cacert "$run/pki/ca.pem" "${identity[@]}" "${method_options[@]}" -D "$run/head" -o "$run/body" \
		-w '%{http_code}' "$@" "$url$path"
}
is() { # is STATUS IDENTITY METHOD PATH [curl options]
	local wanted=$1 got
	shift
	got=$(ask "$@")
	[ "$got" = "$wanted" ] || { echo "$got instead of $wanted: $*"; cat "$run/body"; return 1; }
}
body_has() { grep -qF -- "$1" "$run/body" || { cat "$run/body"; return 1; }; }
head_has() { grep -qi -- "$1" "$run/head" || { cat "$run/head"; return 1; }; }
header() { sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$run/head"; }
until_up() { wait_until 20 "the controller answers" is 200 alice GET /restconf; }
json_type=(-H 'Content-Type: application/yang-data+json')
xml_type=(-H 'Content-Type: application/yang-data+xml')
groups='{"'$cfi':endpoint-groups":{"user-group":[{"name":"all","ipv6-prefix":["2001:db8::/32"]}]}}'
operation() { # operation STATUS IDENTITY NAME INPUT
	is "$1" "$2" POST "/restconf/operations/bulwark-controller:$3" "${json_type[@]}" -d "{\"bulwark-controller:input\":$4}"
}

# Keys of an authority, people and the controller itself; its configuration.
set_up() {
	pki init "$run/pki" --organisation "Example Network" || return 1
	pki issue "$run/pki" alice --role operator --out "$run/alice"
	pki issue "$run/pki" bob --role tenant-user --tenant acme --out "$run/bob"
	pki issue "$run/pki" fw1 --role nsf --out "$run/fw1"
	pki issue "$run/pki" controller --role controller --address ::1 --out "$run/controller"
	cat >"$run/bulwarkd.conf" <<-CONF
		# where things are
		state = $run/state
		pki = $run/pki
		listen = [::1]:$port
		certificate = $run/controller/controller.pem
		key = $run/controller/controller.key
	CONF
	hand_over
}
hand_over() { [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$run"; }
stop_in_order() {
	kill -TERM "$controller"
	wait "$controller" || return 1
	controller=
}
