# SPDX-License-Identifier: Apache-2.0
# Sourced by system tests, after lab/fleet.sh: counting what holds and what does not, and questions that several ask.
failed=0 held=0
failure() { echo "FAILED: $*"; failed=$((failed + 1)); }
need() { # need WHAT COMMAND…
	local what=$1
	shift
	if "$@" >"$run/last.log" 2>&1; then held=$((held + 1)); else
		failure "$what"
		tail -n 15 "$run/last.log"
		return 1
	fi
}
refused() { ! "$@"; }
summary() {
	echo "$held held, $failed failed"
	[ "$failed" = 0 ]
}
# What was written stays when something has failed.
put_away() { if [ "$failed" = 0 ]; then rm -rf "$run"; else echo "logs are in $run"; fi; }
finish_lab() { # finish_lab NAME…: ends these programs and the lab
	fleet_kill "$@"
	lab down
	put_away
}
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
plan_hash() { bulwark plan --json | json 'd["plan-hash"]'; }
all_connected() { [ "$(bulwark status --json | json 'all(n["connection"] == "connected" for n in d["nsf"])')" = True ]; }
nsf_is() { # nsf_is NAME CONNECTION
	[ "$(bulwark status --json | json "[n['connection'] for n in d['nsf'] if n['name'] == '$1'][0]")" = "$2" ]
}
all_proven() { [ "$(bulwark status --json | json 'all(n["proven"] for n in d["nsf"])')" = True ]; }
no_job() { [ "$(bulwark status --json | json 'd.get("running-job", 0)')" = 0 ]; }
deployed_plan() { bulwark status --json | json 'd.get("deployed-plan", "")'; }
# Every NSF has the same variant of the demo's policy: the ports of staff-web differ from one to the next.
ports_of() { on "$1" nft list table inet bulwark | grep staff-web | grep -oE 'proto-dst [^}]*}' | sort -u; }
same_on_both() { [ "$(ports_of hq-fw)" = "$(ports_of dc-fw)" ]; }
