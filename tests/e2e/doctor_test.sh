#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: doctor_test.sh VIGIL
#
# What `vigil doctor` says where tracing works, and where privileges, BTF or tracefs are missing.
# Needs root on a machine where tracing works; jq, setpriv and unshare. Changes nothing: what it
# mounts is in a mount namespace of its own.
set -uo pipefail

(($# == 1)) || { sed -n '4p' "$0" >&2; exit 2; }
((EUID == 0)) || { echo "FAILED  this test needs root"; exit 1; }
for tool in jq setpriv unshare; do
  command -v "$tool" >/dev/null || { echo "FAILED  $tool is missing"; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
vigil=$work/vigil # where nobody can reach it too
install -m 755 "$1" "$vigil" || exit 1

failures=0
# verdict NAME COMMAND...: one line, by whether the command succeeds.
verdict() {
  local name=$1
  shift
  if "$@"; then
    echo "ok      $name"
  else
    echo "FAILED  $name"
    sed 's/^/        | /' "$work/out" "$work/err"
    failures=$((failures + 1))
  fi
}

# run COMMAND...: leaves its output in $work/out and $work/err, its exit code in $code.
run() {
  "$@" >"$work/out" 2>"$work/err"
  code=$?
}
exits() { ((code == $1)); }
says() { grep -qF -- "$1" "$work/out"; }
complains() { grep -qF -- "$1" "$work/err"; }
# shellcheck disable=SC2053  # $1 is a pattern
last_line_is() { [[ $(tail -n 1 "$work/out") == $1 ]]; }
json() { jq -e "$1" "$work/out" >/dev/null 2>"$work/err"; }
is_plain() { ! grep -q $'\033' "$work/out"; }
check_is() { json ".checks[] | select(.name == \"$1\") | .status == \"$2\""; }

# The promises of the JSON form that hold in every case.
well_formed='
  type == "object" and (.can_trace | type == "boolean") and (.checks | length > 10) and
  all(.checks[];
    (keys == ["effect", "fix", "name", "section", "status", "value"]) and
    (.status | IN("ok", "missing", "info")) and
    (.status != "missing" or (.effect != null and .fix != null)) and
    (.status != "ok" or (.effect == null and .fix == null)))'

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
powerless=("${nobody[@]}" --bounding-set=-all --inh-caps=-all)
rights=+bpf,+perfmon
# For bash -c, which gets the command as $0 and the rest.
# shellcheck disable=SC2016
without_btf='mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"'
# shellcheck disable=SC2016
without_tracefs='mount -t tmpfs none /sys/kernel/tracing && mount -t tmpfs none /sys/kernel/debug &&
  exec "$0" "$@"'
# shellcheck disable=SC2016
with_tracefs='mount -t tracefs none /sys/kernel/tracing && exec "$0" "$@"'

run "$vigil" doctor
verdict "root: exit 0" exits 0
verdict "root: the sentence" last_line_is "vigil can trace here."
verdict "root: no colour into a file" is_plain
for kind in fork exec exit signal oom kill_failed; do
  verdict "root: the $kind hook loads" grep -Eq "^  ok +$kind hook +loads" "$work/out"
done
run "$vigil" doctor -o json
verdict "root, json: exit 0" exits 0
verdict "root, json: well formed" json "$well_formed"
verdict "root, json: can trace" json '.can_trace'

run "${powerless[@]}" "$vigil" doctor
verdict "nobody: exit 3" exits 3
verdict "nobody: the sentence names CAP_BPF and the fix" \
  last_line_is "vigil can't trace here: *CAP_BPF*sudo*"
run "${powerless[@]}" "$vigil" doctor -o json
verdict "nobody, json: exit 3" exits 3
verdict "nobody, json: well formed" json "$well_formed"
verdict "nobody, json: can't trace" json '.can_trace == false'
verdict "nobody, json: CAP_BPF is missing" check_is CAP_BPF missing
verdict "nobody, json: what can't be told" \
  json 'any(.checks[]; .section == "Programs" and .status == "info")'

run "${nobody[@]}" --inh-caps="-all,$rights" --ambient-caps="-all,$rights" "$vigil" doctor -o json
verdict "nobody with two capabilities: exit 0" exits 0
verdict "nobody with two capabilities: CAP_BPF" check_is CAP_BPF ok
verdict "nobody with two capabilities: CAP_DAC_READ_SEARCH" check_is CAP_DAC_READ_SEARCH missing

run unshare --map-root-user --user "$vigil" doctor
verdict "root of a user namespace: exit 3" exits 3
verdict "root of a user namespace: the sentence" \
  last_line_is "vigil can't trace here: *user namespace*"

run unshare --mount bash -c "$without_btf" "$vigil" doctor
verdict "no BTF: exit 3" exits 3
verdict "no BTF: the sentence" last_line_is "vigil can't trace here: *CONFIG_DEBUG_INFO_BTF*"
run unshare --mount bash -c "$without_btf" "$vigil" doctor -o json
verdict "no BTF, json: exit 3" exits 3
verdict "no BTF, json: well formed" json "$well_formed"
verdict "no BTF, json: BTF is missing" check_is BTF missing

run unshare --mount bash -c "$without_tracefs" "$vigil" doctor -o json
verdict "no tracefs: exit 0" exits 0
verdict "no tracefs: it is missing" check_is tracefs missing
verdict "no tracefs: the effect" \
  json '.checks[] | select(.name == "tracefs") | .effect | test("--failed")'
run unshare --mount bash -c "$with_tracefs" "$vigil" doctor -o json
verdict "tracefs: it is there" check_is tracefs ok
verdict "tracefs: network bytes can be counted" check_is "network bytes" ok

run unshare --pid --fork "$vigil" doctor -o json
verdict "PID namespace: exit 0" exits 0
verdict "PID namespace: told" check_is "PID namespace" info

for wrong in "-o xml" "--nonsense" "extra"; do
  # shellcheck disable=SC2086  # words
  run "$vigil" doctor $wrong
  verdict "doctor $wrong: exit 2" exits 2
  verdict "doctor $wrong: says where help is" complains "doctor --help"
done
run "$vigil" doctor --help
verdict "--help: exit 0" exits 0
verdict "--help: names the formats" says json

"$vigil" doctor 2>"$work/err" | :
code=${PIPESTATUS[0]}
verdict "closed pipe: exit 0" exits 0

echo "$failures failed"
((failures == 0))
