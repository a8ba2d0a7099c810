#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/examples/test.sh [check]
#
# The examples of CONTRIBUTING.md, "How to add": each .patch adds one thing (a metric, an event field, an
# observer) with its test, in at most three files beside it. All are applied to a copy of the tree, which is
# compiled, and their tests run. `check`: only whether they apply, and what they touch.
set -euo pipefail
cd "$(dirname "$0")/../.."

check() {
	local patch files
	for patch in tests/examples/*.patch; do
		git apply --check "$patch" || {
			echo "examples: $patch no longer applies: make the change again and save its diff there" >&2
			return 1
		}
		files=$(git apply --numstat "$patch" | cut -f3)
		if (($(grep -vc '^tests/' <<<"$files") > 3 || $(grep -c '^tests/' <<<"$files") != 1)); then
			printf 'examples: %s touches more than three files and a test:\n%s\n' "$patch" "$files" >&2
			return 1
		fi
	done
}

build_and_run() {
	local copy=build/examples/source
	mkdir -p "$copy"
	rm -rf "${copy:?}"/{src,tests}
	git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$copy"
	git init -q "$copy" # or `git apply` would look for the files in the tree that the copy lies in
	git -C "$copy" apply "$@"
	"$copy/scripts/build" dev -DVIGIL_TESTS=ON --target vigil vigil_unit_tests
	"$copy/build/dev/tests/unit/vigil_unit_tests" --gtest_filter='ReadMetric.*:Json.Oom:LifeCounter.*'
}

check
[[ ${1:-} == check ]] || build_and_run "$PWD"/tests/examples/*.patch
