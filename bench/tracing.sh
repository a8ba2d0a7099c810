#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What tracing costs: loads of known size run bare and under each output format, interleaved, and
# the medians of ROUNDS runs (default 3) are compared. Called by scripts/bench.
#
#   slow-down   time of the load under vigil against bare, in %
#   CPU us      of vigil's own process, an event
#   lost        events of the load that are missing in the account
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3}
vigil=build/release/vigil
storm=build/release/bench/storm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median() { sort -n | awk '{v[NR]=$1} END {print (NR%2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
seconds() { "$storm" "$@" | sed 's/.*seconds=//'; }
ticks_a_second=$(getconf CLK_TCK)

# Runs the load under `vigil trace -o FORMAT`; appends seconds, CPU us an event, peak KiB, lost.
traced() { # KEY FORMAT LOAD...
	local key=$1 format=$2 pid ticks took events dropped
	shift 2
	rm -f "$work/err" # a new one says when it is ready
	"$vigil" trace -e fork,exec,exit,signal -o "$format" >"$work/out" 2>"$work/err" &
	pid=$!
	until grep -qs "^vigil: tracing" "$work/err"; do sleep 0.02; done
	took=$(seconds "$@")
	kill -INT "$pid"
	# What it used is read when only the end is left to print; a zombie still tells its times.
	while [ -d "/proc/$pid" ] && ! grep -q ' Z ' "/proc/$pid/stat" 2>/dev/null; do
		read -r -a stat <"/proc/$pid/stat" && ticks=$((stat[13] + stat[14]))
		grep -s VmHWM "/proc/$pid/status" >"$work/hwm" || true
		[ -s "$work/hwm" ] && cp "$work/hwm" "$work/peak"
		sleep 0.01
	done
	wait "$pid"
	events=$(awk -F'[= ]' '/ seen=/ {for (i = 1; i < NF; i++) if ($i == "delivered") n += $(i + 1)} END {print n}' "$work/err")
	dropped=$(awk -F'[= ]' '/ seen=/ {for (i = 1; i < NF; i++) if ($i == "dropped") n += $(i + 1)} END {print n}' "$work/err")
	echo "$took" >>"$work/$key.time"
	awk -v t="$ticks" -v hz="$ticks_a_second" -v n="$events" 'BEGIN {print t / hz * 1e6 / n}' >>"$work/$key.cpu"
	awk '{print $2 / 1024}' "$work/peak" >>"$work/$key.peak"
	echo "$dropped" >>"$work/$key.lost"
}

formats=(none json text)
declare -A loads=([fork]="fork 2 100000" [spawn]="spawn 2 10000" [signal]="signal 200000")
for round in $(seq "$rounds"); do
	for load in fork spawn signal; do
		echo "round $round: ${loads[$load]}" >&2
		# shellcheck disable=SC2086 # the load's words
		seconds ${loads[$load]} >>"$work/$load.bare"
		for format in "${formats[@]}"; do
			# shellcheck disable=SC2086
			traced "$load.$format" "$format" ${loads[$load]}
		done
	done
done

printf '%-8s %-6s %10s %10s %8s %6s\n' load output slow-down 'CPU us' 'peak MB' lost
for load in fork spawn signal; do
	bare=$(median <"$work/$load.bare")
	for format in "${formats[@]}"; do
		key=$load.$format
		took=$(median <"$work/$key.time")
		printf '%-8s %-6s %9.1f%% %10.2f %8.1f %6.0f\n' "$load" "$format" \
			"$(awk -v a="$took" -v b="$bare" 'BEGIN {print (a / b - 1) * 100}')" \
			"$(median <"$work/$key.cpu")" "$(median <"$work/$key.peak")" "$(median <"$work/$key.lost")"
	done
done
