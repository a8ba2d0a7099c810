# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# For fetch and fetch_headers, which source it: Debian's packages, without installing them and
# without touching this machine's package lists. `work` is the caller's folder for them, `here`
# this one.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
PATH=$PATH:/usr/sbin:/sbin

# Where kernels are kept: one place for all clones, as each takes 20 MB.
cache_dir() { echo "${VIGIL_VM_DIR:-${XDG_CACHE_HOME:-${HOME:-$here/../../build}/.cache}/vigil/vm}"; }

say() { echo "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }

need() { command -v "$1" >/dev/null || die "$1 is missing; fix: apt-get install $2"; }

need_apt() {
  need apt-get apt; need dpkg dpkg
  [[ -r $keyring ]] || die "$keyring is missing; fix: apt-get install debian-archive-keyring"
}

# The kernel's lines in kernels.txt, without the name.
lines_of() { awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }' "$here/kernels.txt"; }

# mirror_for SUITE: the address of a mirror that serves it.
mirror_for() {
  local label=Debian fallback=http://deb.debian.org/debian
  if [[ $1 == *-security ]]; then
    label=Debian-Security fallback=http://deb.debian.org/debian-security
  fi
  if [[ -n ${VIGIL_DEBIAN_MIRROR:-} ]]; then
    [[ $label == Debian ]] && echo "$VIGIL_DEBIAN_MIRROR" || echo "${VIGIL_DEBIAN_MIRROR%/}-security"
    return
  fi
  # shellcheck disable=SC2016  # apt expands these, not the shell
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -F'|' -v label="$label" -v uri="$fallback" \
      '$1 == "Debian" && $2 == label && !found { uri = $3; found = 1 } END { print uri }'
}

# private COMMAND...: apt-get or apt-cache with a state of its own below $work.
private() {
  local tool=$1
  shift
  "$tool" -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
    -o Dir::State::status=/dev/null -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
    -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# update_from SUITES: `private` knows these suites' packages, those that can be had.
update_from() {
  local suite
  rm -rf "$work"/{lists,cache}
  mkdir -p "$work"/{lists/partial,cache/archives/partial}
  for suite in $1; do
    echo "deb [arch=amd64 signed-by=$keyring] $(mirror_for "$suite") $suite main"
  done >"$work/sources.list"
  # A suite that is gone must not hide one that is there: what counts is whether packages are found.
  private apt-get update >"$work/log" 2>&1 || true
}
