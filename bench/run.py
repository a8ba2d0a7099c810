# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of scripts/bench, which builds what they need."""

import argparse
import importlib
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import harness

PARTS = ("tracing", "sampling", "ingest", "instructions")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Packages of the compared tools.
PACKAGES = ("linux-perf", "bpftrace", "libbpf-tools", "forkstat", "acct", "sysstat", "procps", "atop",
            "prometheus-process-exporter", "rsyslog", "valgrind")  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five minutes: smaller loads, one round")
    parser.add_argument("--output", metavar="FILE", help="write the tables there, too")
    parser.add_argument("--from", dest="directory", metavar="DIRECTORY", default=".",
                        help="working directory of the caller, for FILE")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="only see whether the arguments are right")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"no such part: {part}; there are {', '.join(PARTS)}")
    if options.output:
        options.output = pathlib.Path(options.directory) / options.output
    return options


def first_of(path, key):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def first_line_of(*argv):
    """The first line that a program prints; empty if it can't run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=harness.ROOT)
    except OSError:
        return ""
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def header(quick):
    memory_gib = int(first_of("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    commit = first_line_of("git", "-c", f"safe.directory={harness.ROOT}", "describe", "--always", "--dirty")
    versions = [f"{first_line_of(str(harness.VIGIL), '--version')} ({commit or 'no git'})"]
    for package in PACKAGES:
        version = first_line_of("dpkg-query", "-W", "-f", "${Version}", package)
        versions.append(f"{package} {version or '(not installed)'}")
    distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    return "\n".join((
        f"- Date: {time.strftime('%F %R UTC', time.gmtime())}{', --quick' if quick else ''}",
        f"- Machine: {os.cpu_count()} × {first_of('/proc/cpuinfo', 'model name')}, "
        f"{memory_gib:.1f} GiB of memory",
        f"- System: {distribution}, Linux {platform.release()}",
        f"- Versions: {', '.join(versions)}",
        "",
    ))  # fmt: skip


def on_signal(number, frame):
    """Handles a signal like Ctrl-C: ends all programs and removes their files."""
    del number, frame
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def main():
    options = arguments()
    if options.check:
        return 0
    if os.geteuid() != 0:
        print("bench: tracing and the peers need root: sudo scripts/bench", file=sys.stderr)
        return 3
    for number in SIGNALS:
        signal.signal(number, on_signal)

    output = open(options.output, "w", encoding="utf-8") if options.output else None

    def show(text):
        for place in (sys.stdout, output):
            if place:
                print(text, file=place, flush=True)

    failed = False
    begin = time.monotonic()
    show(header(options.quick))
    for part in options.parts or PARTS:
        try:
            for table in importlib.import_module(part).tables(options.quick):
                show(table)
        except (harness.Failure, OSError) as failure:
            print(f"bench: {part}: {failure}", file=sys.stderr)
            failed = True
    harness.progress(f"bench: took {(time.monotonic() - begin) / 60:.1f} min")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("bench: ended before its time", file=sys.stderr)
        sys.exit(130)
