# SPDX-License-Identifier: Apache-2.0
# Sourced by the demo and by system tests: a controller and its NSFs in a lab, with their keys, started, enrolled, stopped.
# Wants: $root (the source tree), $bin (the build folder), $run (a folder of this run, made here), $lab_file.
# Every program's output goes to $run/NAME.log.

. "$root/lab/wait.sh"

export BULWARK_LAB=${BULWARK_LAB:-bw}
export BULWARK_CONTROLLER=https://[2001:db8:fe::1]:8443
export BULWARK_IDENTITY=$run/operator/alice

lab() { "$root/lab/bulwark-lab" "$@"; }
on() { lab exec "$@"; }
bulwark() { on controller "$bin/src/cli/bulwark" "$@"; }
probe() { "$bin/lab/probe" "$@"; }

# fleet_lab FILE: builds the lab NAME.PID that BULWARK_LAB names; what killed runs of the same NAME have left goes first.
fleet_lab() {
	local name=${BULWARK_LAB%.*} left
	for left in $(ip netns list 2>/dev/null | sed -nE "s/^$name\.([0-9]+)-.*/\1/p" | sort -u); do
		[ -d "/proc/$left" ] || BULWARK_LAB=$name.$left lab down
	done
	lab up "$1"
}

fleet_keys() {
	mkdir -p "$run"
	"$bin/src/cli/bulwark" pki init "$run/pki" --organisation "Example Network" &&
		"$bin/src/cli/bulwark" pki issue "$run/pki" alice --role operator --out "$run/operator"
}

fleet_controller() {
	ip netns exec "$BULWARK_LAB-controller" "$bin/src/controller/bulwarkd" --state "$run/state" --pki "$run/pki" \
		--listen '[2001:db8:fe::1]:8443' >>"$run/controller.log" 2>&1 &
	echo $! >"$run/controller.pid"
	wait_until 20 "the controller answers" bulwark status
}

# fleet_agent_conf NAME ADDRESS: the configuration of an NSF's agent.
fleet_agent_conf() {
	mkdir -p "$run/$1"
	cat >"$run/$1/bulwark-nsf.conf" <<-CONF
		name = $1
		listen = [$2]:6513
		state = $run/$1/state
		certificates = $run/$1/certs
		controller = $BULWARK_CONTROLLER
	CONF
}

# fleet_agent NAME: starts it.
fleet_agent() {
	ip netns exec "$BULWARK_LAB-$1" "$bin/src/agent/bulwark-nsf" --config "$run/$1" >>"$run/$1.log" 2>&1 &
	echo $! >"$run/$1.pid"
}

# fleet_enrol NAME ADDRESS SITE GUARDS…: registers the NSF and gets its certificate with a one-time token.
fleet_enrol() {
	local name=$1 address=$2 site=$3 guards=() token
	shift 3
	for network in "$@"; do guards+=(--guards "$network"); done
	bulwark nsf add "$name" --address "$address" --site "$site" "${guards[@]}" >/dev/null || return 1
	token=$(bulwark nsf enrol "$name" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])') || return 1
	fleet_agent_conf "$name" "$address"
	on "$name" "$bin/src/agent/bulwark-nsf" --config "$run/$name" --enrol "$token" --controller "$BULWARK_CONTROLLER"
}

fleet_kill() {
	local pid
	for name in "$@"; do
		pid=$(cat "$run/$name.pid" 2>/dev/null) || continue
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}
