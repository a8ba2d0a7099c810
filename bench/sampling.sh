#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a sample of all processes costs, once a second for SECONDS (default 10), beside tools that
# show the same. Called by scripts/bench.
#
#   CPU ms    of the tool's process, a sample
#   peak MB   of its resident memory, start included
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${DURATION:-10}
vigil=build/release/vigil
crowd=build/release/bench/crowd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TERM=dumb

# CPU ns that it has used: from the scheduler, not from ticks.
used_ns() { cut -d' ' -f1 "/proc/$1/schedstat"; }

measure() { # NAME PROCESSES COMMAND...
	local name=$1 processes=$2 pid before after peak
	shift 2
	"$@" >"$work/out" 2>"$work/err" </dev/null &
	pid=$!
	sleep 3 # past its start, which is no sample
	before=$(used_ns "$pid")
	sleep "$seconds"
	after=$(used_ns "$pid")
	peak=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status")
	kill -INT "$pid"
	wait "$pid" 2>/dev/null || true
	awk -v n="$name" -v p="$processes" -v ns=$((after - before)) -v s="$seconds" -v kb="$peak" \
		'BEGIN {printf "%-24s %10s %10.2f %9.1f\n", n, p, ns / s / 1e6, kb / 1024}'
}

printf '%-24s %10s %10s %9s\n' tool processes 'CPU ms' 'peak MB'
for load in 200 2000 10000 '10 1000'; do
	mkfifo "$work/hold"
	# shellcheck disable=SC2086 # its words
	"$crowd" $load <"$work/hold" >"$work/ready" &
	crowd_pid=$!
	exec 3>"$work/hold"
	until grep -q ready "$work/ready"; do sleep 0.1; done
	label=${load/ /x}
	measure "vigil watch" "$label" "$vigil" watch -c config/sample.json
	measure "pidstat -rud 1" "$label" pidstat -rud 1
	measure "top -b -d 1" "$label" top -b -d 1
	exec 3>&-
	wait "$crowd_pid" || true
	rm "$work/hold"
done
