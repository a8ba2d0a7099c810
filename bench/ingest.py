# SPDX-License-Identifier: Apache-2.0
"""Events over many connections into one log: vigil's server beside rsyslog."""

import collections
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import harness

CLIENT = harness.BUILD / "bench" / "ingest"
RULES = harness.ROOT / "config" / "sample.json"
RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
# File descriptors: the connections and a few more.
MAX_FILES = 6000
# Approximate bytes of an event in a log.
LOGGED_BYTES = 450
# A log that has not grown for this long is complete.
STILL_S = 3
LOGGED = re.compile(rb',"journal_seq":(\d+),"agent":"[^"\n]*","journal":"([^"\n]*)"}\n')


@dataclass
class Run:
    rate: float  # events/s
    cpu_us: float  # of the server, per event
    peak_mib: float
    client_us: float


class Vigil:
    """Parsed, deduplicated, fdatasync, then acknowledged; `tls` with certificates both ways."""

    share = 1  # share of the table's events

    def __init__(self, tls=False):
        self.name = "vigil, TLS" if tls else "vigil"
        self._tls = tls

    def start(self, directory):
        """A running server with its log in `directory`, and how the client reaches it."""
        words = ["server", "-c", RULES, "-l", directory / "events.log", "--no-control"]
        reach = []
        if self._tls:
            for certificate in ("init",), ("issue", "--server", "127.0.0.1"), ("issue", "load"):
                harness.run([harness.VIGIL, "certs", *certificate, "--dir", directory])
            words += ["--tls", directory / "127.0.0.1.pem"]
            reach = ["--tls", directory / "load.pem", "--host", "127.0.0.1"]
        words += ["--listen", "127.0.0.1:0"]
        running = harness.Program([harness.VIGIL, *words], ready="; events go to ")
        port = re.search(r"serving 127\.0\.0\.1:(\d+)", running.err.read_text()).group(1)
        return running, ["--port", port, *reach]

    def seconds(self, _directory, report):
        """Seconds until everything was in the log, as acknowledged to the client."""
        return report["seconds"]

    def problem(self, directory, report):
        """Reads the log: each event must be in it once, in order."""
        logs = [file for file in directory.glob("events.log.*") if file.suffix[1:].isdigit()]
        logs.sort(key=lambda file: int(file.suffix[1:]))
        last = collections.defaultdict(lambda: 1_000_000_000)
        lines = right = 0
        for log in [*logs, directory / "events.log"]:
            text = log.read_bytes()
            lines += text.count(b"\n")
            for number, journal in LOGGED.findall(text):
                right += int(number) == last[journal] + 1
                last[journal] = int(number)
        if lines == right == report["events"]:
            return None
        return f"{lines:,} lines for {report['events']:,} events, {right:,} of them in their order"


class Rsyslog:
    """`parsed`: each line by mmjsonparse, and the file is synced; otherwise the defaults."""

    def __init__(self, parsed=False):
        self.name = "rsyslog, mmjsonparse + sync" if parsed else "rsyslog"
        self.share = 0.1 if parsed else 1
        self._parsed = parsed

    def start(self, directory):
        port = directory / "port"
        (directory / "log").touch()
        write = f'action(type="omfile" file="{directory}/log"'
        rules = [f"{write})"]
        if self._parsed:
            rules = [
                'module(load="mmjsonparse")',
                'action(type="mmjsonparse" cookie="" useRawMsg="on")',
                f'if $parsesuccess == "OK" then {write} '
                'sync="on" flushOnTXEnd="on" ioBufferSize="1m")',
            ]
        configuration = directory / "rsyslog.conf"
        configuration.write_text(
            "\n".join(
                [
                    f'global(workDirectory="{directory}")',
                    f'module(load="imtcp" maxSessions="{MAX_FILES}")',
                    f'input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{port}")',
                    *rules,
                    "",
                ]
            )
        )
        words = ["-n", "-f", configuration, "-i", directory / "pid"]
        running = harness.Program([RSYSLOGD, *words])
        try:
            harness.until(lambda: self._has_port(running, port), "rsyslog to listen")
        except harness.Failure:
            running.end()
            raise
        return running, ["--port", port.read_text().strip(), "--raw"]

    def _has_port(self, running, port):
        for line in running.err.read_text(errors="replace").splitlines():
            if "could not load module" in line or "parameter" in line and "not known" in line:
                raise harness.Failure(line.split("[", maxsplit=1)[0].strip())
        return port.exists() and port.read_text().strip()

    def seconds(self, directory, report):
        """From the client's first byte to the last one in the file."""
        log = directory / "log"
        size, grown_at = 0, time.monotonic()
        while time.monotonic() < grown_at + STILL_S:
            time.sleep(0.05)
            before, size = size, log.stat().st_size
            if size > before:
                grown_at = time.monotonic()
            elif self._lines(log) >= report["events"]:
                break
        return (log.stat().st_mtime_ns - report["begun_unix_ns"]) / 1e9

    def problem(self, directory, report):
        lines = self._lines(directory / "log")
        if lines == report["events"]:
            return None
        return f"{lines:,} lines for {report['events']:,} events"

    @staticmethod
    def _lines(log):
        with open(log, "rb") as file:
            return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


class Load:
    """The client: connects, and starts on request."""

    def __init__(self, words):
        if not CLIENT.exists():
            raise harness.Failure("its client is not built")
        self._client = subprocess.Popen(
            [str(word) for word in (CLIENT, *words, "--hold")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

        try:
            if not select.select([self._client.stdout], [], [], harness.TIMEOUT_S)[0]:
                raise harness.Failure("the client does not get its connections")
            if self._client.stdout.readline() != b"connected\n":
                raise self._failure(self._client.stderr.read())
        except BaseException:
            self.close()
            raise

    def close(self):
        self._client.kill()
        self._client.communicate()

    def run(self):
        """Sends all events; returns the client's report."""
        try:
            out, err = self._client.communicate(b"\n", timeout=harness.TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise harness.Failure(f"not done within {harness.TIMEOUT_S} s") from None
        if self._client.returncode != 0:
            raise self._failure(err)
        return json.loads(out)

    @staticmethod
    def _failure(err):
        return harness.Failure(err.decode(errors="replace").strip() or "the client has failed")


def warm(directory, size):
    """Writes and removes a file: on a virtual machine, memory and disk that were never touched are
    several times slower, which would be charged to the first tool."""
    block = bytes(1 << 20)
    with open(directory / "warm", "wb") as file:
        for _ in range(size // len(block) + 1):
            file.write(block)
        os.fsync(file.fileno())
    (directory / "warm").unlink()


def measure(server, connections, events):
    """One Run with a new server and log, and the error of that log, or None."""
    # Not in /tmp, which may be in memory: syncs must reach a disk.
    with harness.temporary_directory(harness.BUILD) as directory:
        warm(directory, events * LOGGED_BYTES)
        running, reach = server.start(directory)
        try:
            load = Load([*reach, "--connections", connections, "--events", events])
            with contextlib.closing(load):
                cpu_s = running.cpu_s()
                report = load.run()
                seconds = server.seconds(directory, report)
                cpu_s = running.cpu_s() - cpu_s
            usage = running.stop(signal.SIGTERM)
        finally:
            running.end()
        run = Run(
            rate=report["events"] / seconds,
            cpu_us=cpu_s / report["events"] * 1e6,
            peak_mib=usage.peak_mib,
            client_us=report["cpu_s"] / report["events"] * 1e6,
        )
        return run, server.problem(directory, report)


def rounds_of(cases, count, events, table):
    """Runs each of the cases (server, connections) `count` times, in turn."""
    runs = {case: [] for case in cases}
    failed = set()
    for _ in range(count):
        for case in cases:
            server, connections = case
            if case in failed:
                continue
            name = f"{server.name}, {connections:,} connection" + "s" * (connections > 1)
            print(f"ingest: {name}", file=sys.stderr)
            try:
                run, problem = measure(server, connections, int(events * server.share))
            except harness.Failure as reason:
                table.note(f"{name}: {reason}")
                failed.add(case)
                continue
            runs[case].append(run)
            if problem is not None:
                table.note(f"{name}: {problem}")
    return runs


def middle(runs, name):
    return harness.median([getattr(run, name) for run in runs]) if runs else None


def figures(runs):
    return (
        harness.format_value(middle(runs, "rate"), 0),
        harness.format_value(middle(runs, "cpu_us")),
        harness.format_value(middle(runs, "peak_mib"), 1),
    )


def note_truth(table):
    if not any("lines for" in note for note in table.notes):
        table.note(
            "After each run the log was read: in vigil's each event stood once and in its order, "
            "in rsyslog's there were as many lines."
        )


def rounds_text(quick):
    return "one round" if quick else "medians of three rounds"


def peers(quick):
    table = harness.Table(
        "Ingest: events of 300 bytes",
        ["server", "connections", "events/s", "CPU µs an event", "peak MiB", "against vigil"],
    )
    servers = [Vigil(), Vigil(tls=True), Rsyslog(), Rsyslog(parsed=True)]
    cases = [(server, connections) for connections in (1, 100, 1000) for server in servers]
    events = 400_000 if quick else 2_000_000
    runs = rounds_of(cases, 1 if quick else 3, events, table)
    for case in cases:
        server, connections = case
        base = middle(runs[servers[0], connections], "rate")
        share = harness.ratio(middle(runs[case], "rate"), base)
        table.add(server.name, f"{connections:,}", *figures(runs[case]), share)
    note_truth(table)
    table.note(
        "vigil parses each event, drops what came before, and acknowledges it after fdatasync; the "
        "time ends with the last acknowledgement. rsyslog acknowledges nothing; its time ends when "
        "the last line stands in the file. As it is shipped it does not look into lines and syncs "
        f"nothing; only imtcp's maxSessions is raised, from 200 to {MAX_FILES:,}. With sync it "
        "has a buffer of 1 MiB too: with the 4 KiB that are shipped it is some 15 times slower."
    )
    table.note(
        f"{events:,} events in each run, to the parsing rsyslog a tenth of them, as it is so much "
        f"slower; {rounds_text(quick)}."
    )
    clients = [run.client_us for each in runs.values() for run in each]
    if clients:
        table.note(
            f"The client, the same for all, uses {min(clients):.2f} to {max(clients):.2f} µs of "
            f"CPU an event, on the same {os.cpu_count()} CPUs as the server; it is not in the "
            "figures."
        )
    return table


def growth(quick):
    table = harness.Table(
        "Ingest: growth with agents",
        ["agents", "events/s", "CPU µs an event", "peak MiB"],
    )
    server = Vigil()
    cases = [(server, agents) for agents in ((10, 1000) if quick else (10, 100, 1000, 5000))]
    events = 400_000 if quick else 2_000_000
    runs = rounds_of(cases, 1 if quick else 3, events, table)
    for case in cases:
        table.add(f"{case[1]:,}", *figures(runs[case]))
    note_truth(table)
    table.note(
        f"The same {events:,} events in all, of so many agents at a time; plain text; "
        f"{rounds_text(quick)}."
    )
    return table


@contextlib.contextmanager
def many_files():
    """Raises the limit of open files for the programs that are started meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, MAX_FILES)
    with contextlib.suppress(OSError, ValueError):  # a failure shows later
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, soft)))


def tables(quick):
    with many_files():
        return [peers(quick), growth(quick)]
