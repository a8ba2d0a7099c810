#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/e2e/reproducible_test.sh
#
# Builds the commit that is checked out in two folders, of names with different lengths, and compares
# the programs that are installed and their symbols, byte for byte.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for place in one another/folder; do
	mkdir -p "$work/$place"
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/$place"
	(
		cd "$work/$place"
		export CCACHE_DISABLE=1 # it would hand out the first one's objects
		scripts/build release -DVIGIL_TESTS=OFF --target vigil_stripped
	) >"$work/log" 2>&1 || {
		tail -n 30 "$work/log" >&2
		exit 1
	}
done
for file in vigil vigil.debug; do
	if ! cmp "$work"/{one,another/folder}/build/release/src/apps/installed/"$file"; then
		echo "reproducible_test: $file depends on where it is built" >&2
		exit 1
	fi
done
sha256sum "$work"/one/build/release/src/apps/installed/*
