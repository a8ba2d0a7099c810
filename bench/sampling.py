# SPDX-License-Identifier: Apache-2.0
"""Sampling: the cost of reading all processes once a second."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field

import harness
from harness import Failure, Program, Table, format_value, median, progress, ratio

IDLE_PROCESSES = harness.BUILD / "bench" / "idle_processes"
CONFIG = harness.ROOT / "config" / "sample.json"

# A tool that uses no CPU time for this long is between two samples.
SLEEP_S = 0.1


@contextlib.contextmanager
def idle_processes(processes, threads=1):
    """Idle processes, until the end of the block."""
    with subprocess.Popen(
        [str(IDLE_PROCESSES), str(processes), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        if running.stdout.readline() != b"ready\n":
            raise Failure(f"{processes} processes can't be made here")
        yield  # it ends with its standard input


@dataclass
class Cost:
    cpu_ms: float  # per sample
    peak_mib: float


@dataclass
class Watcher:
    """A tool that samples by itself, once a second."""

    name: str
    argv: list
    ready: object = None
    environment: dict = field(default_factory=dict)

    def measure(self, settle_s, seconds):
        with harness.program(self.argv, ready=self.ready, environment=self.environment) as running:
            time.sleep(settle_s)
            cpu_s = cpu_of_sample(running, seconds)
            return Cost(cpu_s * 1000, running.stop().peak_mib)


def cpu_of_sample(running, seconds):
    """Average CPU time from the start of one sample to the start of the next: samples are separated
    by the sleep between them, because not all tools keep their interval of one second."""
    begins = []  # CPU time used before each
    history = [running.cpu_s()]
    last_change = begin = time.monotonic()
    while (now := time.monotonic()) < begin + seconds:
        used = running.cpu_s()
        if used > history[-1]:
            if now - last_change > SLEEP_S:
                begins.append(history[-1])
            last_change = now
            history.append(used)
        time.sleep(0.01)
    if not running.cpu_s():
        raise Failure("it has ended")
    # Small activity between samples is not a sample, but part of its cost.
    steps = [after - before for before, after in zip(begins, begins[1:])]
    large = [i for i, step in enumerate(steps) if step > max(steps) / 5]
    if len(large) < 2:
        return (history[-1] - history[0]) / seconds
    first, last = large[0], large[-1]
    return (begins[last] - begins[first]) / (len(large) - 1)


@dataclass
class Command:
    """A tool that samples once and ends; the cost includes its start."""

    name: str
    argv: list

    def measure(self, settle_s, seconds):
        del settle_s
        usages = []
        end = time.monotonic() + seconds
        while not usages or time.monotonic() < end:
            with harness.program(self.argv) as running:
                usages.append(running.wait())
            time.sleep(0.1)
        return Cost(median([usage.cpu_s for usage in usages]) * 1000, max(b.peak_mib for b in usages))


EXPORTER_CONFIG = """process_names:
  - name: "{{.PID}}"
    cmdline: ['.*']
"""


@dataclass
class Exporter:
    """prometheus-process-exporter: it samples on request."""

    name: str

    def measure(self, settle_s, seconds):
        del settle_s
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        with harness.temporary_directory() as directory:
            (directory / "config.yml").write_text(EXPORTER_CONFIG)
            argv = [self.name, "-config.path", directory / "config.yml", "-threads=false",
                    "-children=false", "-gather-smaps=false", "-web.listen-address", address]
            with harness.program(argv, ready="Listening on") as running:
                scrape(address)  # creates its groups
                costs = []
                end = time.monotonic() + seconds
                while not costs or time.monotonic() < end:
                    before, begin = running.cpu_s(), time.monotonic()
                    scrape(address)
                    time.sleep(max(0.1, begin + 1 - time.monotonic()))
                    costs.append(running.cpu_s() - before)
                return Cost(median(costs) * 1000, running.stop(signal.SIGTERM).peak_mib)


def scrape(address):
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
            text = answer.read()
    except OSError as error:  # URLError is one
        raise Failure(f"it does not answer: {error}") from None
    if b"namedprocess_namegroup_num_procs" not in text:
        raise Failure("it reports no process")


VIGIL_WATCH = Watcher(
    "vigil watch", [harness.VIGIL, "watch", "-c", CONFIG], ready="vigil: watching"
)
PIDSTAT = Watcher("pidstat -rud 1", ["pidstat", "-rud", "1"])
TOP = Watcher("top -b -d 1", ["top", "-b", "-d", "1"], environment={"TERM": "dumb"})
# Without process accounting, which it would switch on.
ATOP = Watcher(
    "atop -a 1", ["atop", "-a", "-P", "PRC,PRM,PRD", "1"], environment={"ATOPACCT": ""}
)
PS = Command("ps -e", ["ps", "-e", "-o", "pid,ppid,time,rss,comm"])

TOOLS = (VIGIL_WATCH, PIDSTAT, TOP, PS, ATOP, Exporter("prometheus-process-exporter"))
PROCESS_COUNTS = ((200, 1), (2_000, 1), (10_000, 1), (10, 1_000))
QUICK_PROCESS_COUNTS = ((2_000, 1),)

TRACERS = (
    Watcher("vigil trace -o none", [harness.VIGIL, "trace", "-o", "none"], ready="vigil: tracing"),
    Watcher("exitsnoop", ["exitsnoop"], ready=Program.WAITING),
    Watcher("forkstat", ["forkstat", "-e", "fork,exec,exit"], ready=Program.WAITING),
)


def processes_there():
    return sum(entry.name.isdigit() for entry in pathlib.Path("/proc").iterdir())


def sampling(table, processes, threads, quick):
    label = f"{processes:,}" if threads == 1 else f"{processes:,} × {threads:,}"
    with idle_processes(processes, threads):
        base = None
        for tool in TOOLS:
            progress(f"sampling: {label}, {tool.name}")
            try:
                cost = tool.measure(1.5 if quick else 2.5, 2.5 if quick else 5)
            except Failure as failure:
                table.add(tool.name, label, "-", "-", "-")
                table.note(f"{tool.name}, {label}: {failure}")
                continue
            if tool is VIGIL_WATCH:
                base = cost.cpu_ms
            table.add(tool.name, label, format_value(cost.cpu_ms), ratio(cost.cpu_ms, base),
                      format_value(cost.peak_mib, 1))  # fmt: skip


def at_rest(table, processes, seconds):
    """Runs all tools at the same time, so that conditions are equal."""
    progress(f"at rest: {processes:,} processes, {seconds} s")
    tools = (VIGIL_WATCH, *TRACERS, PIDSTAT, TOP, ATOP)
    with idle_processes(processes), contextlib.ExitStack() as stack:
        running = {}
        for tool in tools:
            try:
                running[tool.name] = stack.enter_context(
                    harness.program(tool.argv, ready=tool.ready, environment=tool.environment)
                )
            except Failure as failure:
                table.note(f"{tool.name} did not run: {failure}")
        time.sleep(3)
        before = {name: program.cpu_s() for name, program in running.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begin
        after = {name: program.cpu_s() for name, program in running.items()}
        for name in [name for name in running if not after[name]]:
            table.note(f"{name} has ended before its time.")
            del running[name]
    base = None
    for tool in tools:
        if tool.name not in running:
            table.add(tool.name, "-", "-")
            continue
        share = (after[tool.name] - before[tool.name]) / took * 100
        base = share if base is None else base
        table.add(tool.name, format_value(share, 3), ratio(share, base))


def tables(quick):
    with harness.tracing_files():
        yield from tables_of(quick)


def tables_of(quick):
    table = Table(
        "Sampling: all processes, once a second",
        ["tool", "processes", "CPU ms a sample", "ratio", "peak MiB"],
    )
    others = processes_there()
    for processes, threads in QUICK_PROCESS_COUNTS if quick else PROCESS_COUNTS:
        try:
            sampling(table, processes, threads, quick)
        except Failure as failure:
            table.note(f"{failure}.")
    table.note("All read CPU time and memory of all processes, and all but top and ps what they read "
               "and wrote on disk. vigil checks them against the rules of config/sample.json and "
               "reports violations; pidstat prints those that were active; the others print all, to a "
               "file.")  # fmt: skip
    table.note(f"Besides, the machine had {others} processes of its own.")
    table.note("ps starts anew for each sample. prometheus-process-exporter has a group for each "
               "process, and neither threads nor smaps; its client's time is not counted.")  # fmt: skip
    yield table

    seconds = 10 if quick else 60
    table = Table(
        f"At rest: 2,000 idle processes, {seconds} s", ["tool", "% of a core", "ratio"]
    )
    try:
        at_rest(table, 2_000, seconds)
    except Failure as failure:
        table.note(f"{failure}.")
    table.note("At the same time for all: what a machine pays on which nothing happens.")
    yield table
