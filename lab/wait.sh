# SPDX-License-Identifier: Apache-2.0
# Sourced by fleet.sh and by system tests without a lab.

# wait_until SECONDS WHAT COMMAND…: tries the command every 20 ms until it succeeds.
wait_until() {
	local deadline=$(($(date +%s%N) + $1 * 1000000000)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$deadline" ] || { echo "waited in vain: $what" >&2; return 1; }
		sleep 0.02
	done
}
