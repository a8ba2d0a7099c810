#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/e2e/install_test.sh [BUILD]       (default: build/release)
#
# `cmake --install` of a built tree: a small program that runs, its symbols beside it, its other names.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "install_test: $*" >&2
	exit 1
}

DESTDIR=$work cmake --install "$build" --prefix /usr >"$work/log" || {
	cat "$work/log" >&2
	fail "cmake --install failed"
}
bin=$work/usr/bin
size=$(stat -c %s "$bin/vigil")
((size <= 5 << 20)) || fail "the program takes $size bytes, more than 5 MB"
sections=$(readelf -SW "$bin/vigil")
[[ $sections != *.debug_info* && $sections != *.symtab* ]] || fail "the program is not stripped"
[[ $sections == *.gnu_debuglink* ]] || fail "the program has no link to its symbols"
build_id() { readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'; }
[[ -n $(build_id "$bin/vigil") ]] || fail "the program has no build id"
[[ $(build_id "$bin/vigil") == "$(build_id "$bin/.debug/vigil.debug")" ]] ||
	fail "the symbols are another program's"
[[ $(readelf -SW "$bin/.debug/vigil.debug") == *.debug_line* ]] || fail "the symbols have no lines"
[[ $("$bin/vigil" --version) == "$("$build/vigil" --version)" ]] || fail "the installed program differs"
for name in CTA CTB process_monitor rustsigwatch; do
	[[ $(readlink "$bin/$name") == vigil ]] || fail "$name is no link to vigil"
	"$bin/$name" --help >/dev/null || fail "$name --help failed"
done
[[ $(readelf -SW "$build/vigil") == *.debug_line* ]] ||
	fail "the program in the build directory was stripped"
! strings -a "$bin/vigil" | grep -F "$PWD/" || fail "the program names the folder that it was built in"
