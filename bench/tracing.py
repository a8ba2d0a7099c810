# SPDX-License-Identifier: Apache-2.0
"""Tracing: events that each tool sees of known loads, its cost, and how much it slows them down."""

import contextlib
import os
import pathlib
import re
import subprocess
import time
from dataclasses import dataclass, field

import harness
from harness import Usage, Failure, Program, Table, format_value, median, progress, ratio

EVENT_LOAD = harness.BUILD / "bench" / "event_load"
KINDS = ("fork", "exec", "exit", "signal")

# Max time of a load under any tool.
LOAD_TIMEOUT_S = 120

# A paced load that is later than this did not keep its rate.
LATE_MS = 500

# Max time of a load's table: a slow machine runs fewer rounds instead.
TABLE_TIMEOUT_S = 250


@dataclass(frozen=True)
class Load:
    name: str
    title: str
    words: list
    quick_words: list
    kinds: set  # kinds that it creates in numbers
    paced: bool = False  # has a fixed duration


LOADS = (
    Load("fork", "forks with _exit, by 2 workers", ["fork", 2, 20_000], ["fork", 2, 8_000],
         {"fork", "exit"}),
    Load("spawn", "posix_spawns, by 2 workers", ["spawn", 2, 8_000], ["spawn", 2, 2_000],
         {"fork", "exec", "exit"}),
    Load("rate", "posix_spawns at 1,600 a second", ["rate", 2, 1_600, 10], ["rate", 2, 1_600, 1],
         {"fork", "exec", "exit"}, paced=True),
    Load("signal", "signals to one process", ["signal", 200_000], ["signal", 50_000], {"signal"}),
)  # fmt: skip


class LoadRunner:
    """The load's programs under names that nothing else on the machine has, so that its events can
    be identified."""

    def __init__(self, directory):
        self.tag = f"-{os.getpid()}".encode()
        self.late_ms = 0.0  # delay of the last load behind its rate
        self.name = rb"(?:load|true)" + self.tag + rb"\b"
        self.program = directory / f"load-{os.getpid()}"
        self.true = directory / f"true-{os.getpid()}"
        self.program.symlink_to(EVENT_LOAD)
        self.true.symlink_to("/bin/true")

    def run(self, words):
        """Runs a load to its end; returns its events by kind, and the seconds that it took."""
        argv = [str(self.program), *(str(word) for word in words)]
        if words[0] in ("spawn", "rate"):
            argv.append(str(self.true))
        try:
            done = subprocess.run(argv, capture_output=True, check=True, timeout=LOAD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the load did not end within {LOAD_TIMEOUT_S} s") from None
        except subprocess.CalledProcessError as error:
            raise Failure(f"the load failed: {harness.reason(error.stderr)}") from None
        report = dict(word.split("=") for word in done.stdout.decode().split())
        self.late_ms = float(report["late_ms"])
        made = {kind: int(report[f"{kind}s"]) for kind in KINDS}
        return made, float(report["seconds"])


@dataclass
class Tool:
    """A tracer: how it runs, and how its text shows an event of the load.

    kinds: a regular expression for the line of each kind that it can see; LOAD stands for the process
    name. Both processes of a signal must be the load's: the sender of a timer's signal is the process
    that it interrupted.
    text: converts its output to text, which is part of its cost.
    nameless: its placeholder for the name of a process that had exited when it looked; such events
    count as seen.
    skip: marks a second line of the same event.
    """

    name: str
    argv: list
    kinds: dict
    ready: object = Program.WAITING
    text: list = None
    environment: dict = field(default_factory=dict)
    nameless: bytes = None
    skip: bytes = None
    note: str = None

    @contextlib.contextmanager
    def attached(self):
        with harness.program(self.argv, ready=self.ready, environment=self.environment) as running:
            yield Session(self, running)

    def check(self, session):
        """The error in the tool's own totals of a run; None if they are consistent."""

    def reported(self, session):
        """All events in its text."""
        with open(session.result, "rb") as lines:
            return sum(not (self.skip and self.skip in line) for line in lines)

    def seen(self, session, made, runner):
        """Events of the load, and of the rest of the machine, in its text."""
        name = runner.name + (rb"|" + self.nameless if self.nameless else b"")
        patterns = {
            kind: re.compile(pattern.replace(b"LOAD", rb"(?:" + name + rb")"))
            for kind, pattern in self.kinds.items()
        }
        seen = Seen(dict.fromkeys(self.kinds, 0), self.reported(session))
        with open(session.result, "rb") as lines:
            for line in lines:
                named = runner.tag in line
                if not named and not (self.nameless and self.nameless in line):
                    continue
                for kind, pattern in patterns.items():
                    if pattern.search(line):
                        seen.of_load[kind] += 1
                        seen.nameless += not named
                        break
        if not self.nameless and any(seen.of_load[kind] > made[kind] for kind in self.kinds):
            raise Failure(f"it reports more than was made: {seen.of_load} of {made}")
        # An event without a name need not belong to the load.
        seen.of_load = {kind: min(count, made[kind]) for kind, count in seen.of_load.items()}
        return seen


@dataclass
class Seen:
    of_load: dict  # events by kind
    all: int  # of the whole machine
    nameless: int = 0  # probably of the load


class Session:
    """One run of a tool."""

    def __init__(self, tool, running):
        self.tool = tool
        self.running = running
        self.result = running.out
        self.start_cpu_s = running.cpu_s()

    def finish(self):
        """Lets it process its input, ends it, formats text; returns the usage of all that."""
        self.running.wait_idle()
        usage = self.running.stop()
        if self.tool.text:
            self.result = self.running.directory / "text"
            usage = convert(self.tool.text, self.running.directory, self.result, usage)
        return usage


def convert(argv, directory, result, usage):
    with harness.program(argv, stdout=result, cwd=directory) as converter:
        own = converter.wait()
        if converter.exit_code != 0:
            raise Failure(harness.reason(converter.err.read_bytes()) or "no text")
    return Usage(usage.cpu_s + own.cpu_s, max(usage.peak_mib, own.peak_mib))


class Vigil(Tool):
    """Its own totals must agree with its text."""

    @staticmethod
    def account(session):
        """By kind: seen, filtered, delivered, dropped, undelivered."""
        found = re.findall(r"^vigil: (\w+) (seen=.*)$", session.running.err.read_text(), re.MULTILINE)
        if not {kind for kind, _ in found} >= set(KINDS):
            raise Failure("no account at its end")
        return {
            kind: {key: int(value) for key, value in (word.split("=") for word in words.split())}
            for kind, words in found
        }

    def check(self, session):
        report = sum(of_kind["delivered"] for of_kind in self.account(session).values())
        with open(session.result, "rb") as result:
            # A loss has its own line, which is not an event.
            lines = sum(b'"kind":"loss"' not in line and b"] LOSS" not in line for line in result)
        return None if lines == report else f"{report} events delivered by its account, {lines} lines"


class SilentVigil(Vigil):
    """Without output, its totals are used, which include the whole machine's events."""

    def check(self, session):
        return None

    def reported(self, session):
        return sum(own["delivered"] for own in self.account(session).values())

    def seen(self, session, made, runner):
        account = self.account(session)
        seen = Seen({}, self.reported(session))
        for kind in self.kinds:
            own = account[kind]
            missed = own["dropped"] + own["undelivered"]
            seen.of_load[kind] = max(0, min(made[kind], own["seen"]) - missed)
        return seen


class Accounting(Tool):
    """Process accounting: no program runs, the kernel writes a file."""

    @contextlib.contextmanager
    def attached(self):
        self._must_be_off()
        with harness.temporary_directory() as directory:
            (directory / "pacct").touch()
            try:
                harness.run(["accton", directory / "pacct"])
                yield AccountingSession(self, directory)
            finally:
                harness.run(["accton", "off"])

    @staticmethod
    def _must_be_off():
        """The kernel does not report whether accounting is in use: check whether a process leaves a
        record in one of the usual files."""
        places = [pathlib.Path("/var/log/account/pacct"), pathlib.Path("/run/pacct_source"),
                  pathlib.Path("/tmp/atop.d/atop.acct")]  # fmt: skip
        sizes = [place.stat().st_size for place in places if place.exists()]
        subprocess.run(["/bin/true"], check=True)
        if sizes != [place.stat().st_size for place in places if place.exists()]:
            raise Failure("process accounting is in use on this machine; it was left alone")


class AccountingSession:
    start_cpu_s = 0.0

    def __init__(self, tool, directory):
        self.directory = directory
        self.tool = tool
        self.result = directory / "text"

    def finish(self):
        harness.run(["accton", "off"])
        return convert(self.tool.text, self.directory, self.result, Usage(0, 0))


BPFTRACE = """
tracepoint:sched:sched_process_fork { printf("fork %s %d %d\\n", comm, pid, args->child_pid); }
tracepoint:sched:sched_process_exec { printf("exec %s %d %s\\n", comm, pid, str(args->filename)); }
tracepoint:sched:sched_process_exit { printf("exit %s %d\\n", comm, pid); }
tracepoint:signal:signal_generate /args->sig != 17/ {
    printf("signal %s %d %d %d %s\\n", comm, pid, args->sig, args->pid, args->comm); }
"""

VIGIL_TRACE = [harness.VIGIL, "trace", "-e", "fork,exec,exit,signal"]

TOOLS = (
    Vigil(
        "vigil, text",
        VIGIL_TRACE,
        ready="vigil: tracing",
        kinds={
            "fork": rb"\] FORK: LOAD",
            "exec": rb"\] EXEC: LOAD",
            "exit": rb"\] EXIT: LOAD",
            "signal": rb"\] SIGNAL: \S+ \(\d+\) \[LOAD/\d+\] -> \[LOAD/",
        },
    ),
    Vigil(
        "vigil, json",
        [*VIGIL_TRACE, "-o", "json"],
        ready="vigil: tracing",
        kinds={
            "fork": rb'"kind":"fork".*"comm":"LOAD"',
            "exec": rb'"kind":"exec".*"comm":"LOAD"',
            "exit": rb'"kind":"exit".*"comm":"LOAD"',
            "signal": rb'"kind":"signal".*"comm":"LOAD".*"sender_comm":"LOAD"',
        },
    ),
    SilentVigil(
        "vigil, -o none",
        [*VIGIL_TRACE, "-o", "none"],
        ready="vigil: tracing",
        kinds=dict.fromkeys(KINDS, b""),
        note="no output; seen is the number made minus the losses that it reports.",
    ),
    Tool(
        "perf record + script",
        ["perf", "record", "-a", "-m", "4M", "-o", "{directory}/perf.data",
         "-e", "sched:sched_process_fork,sched:sched_process_exec,sched:sched_process_exit",
         "-e", "signal:signal_generate", "--filter", "sig != 17"],
        text=["perf", "script", "-i", "perf.data"],
        kinds={
            "fork": rb"^ *LOAD .*:sched_process_fork:",
            "exec": rb"^ *LOAD .*:sched_process_exec:",
            "exit": rb"^ *LOAD .*:sched_process_exit:",
            "signal": rb"^ *LOAD .*:signal_generate: sig=(?:9|10) .* comm=LOAD ",
        },
        note="buffers of 4 MiB a CPU; vigil's ring has 8 MiB for all.",
    ),
    Tool(
        "bpftrace",
        ["bpftrace", "-e", BPFTRACE],
        environment={"BPFTRACE_PERF_RB_PAGES": "1024"},
        kinds={
            "fork": rb"^fork LOAD ",
            "exec": rb"^exec LOAD ",
            "exit": rb"^exit LOAD ",
            "signal": rb"^signal LOAD \d+ (?:9|10) \d+ LOAD$",
        },
        note="a line of text at each of the four tracepoints that perf records, and buffers as large.",
    ),
    Tool("exitsnoop", ["exitsnoop"], kinds={"exit": rb"^LOAD "}),
    Tool("execsnoop", ["execsnoop"], kinds={"exec": rb"^LOAD "}),
    Tool("sigsnoop", ["sigsnoop"], kinds={"signal": rb"^\S+ +\d+ +LOAD +(?:9|10) "}),
    Tool(
        "forkstat",
        ["forkstat", "-e", "fork,exec,exit"],
        kinds={
            "fork": rb" fork +\d+ child .*LOAD",
            "exec": rb" exec .*LOAD",
            "exit": rb" exit .*LOAD",
        },
        nameless=b"<unknown>",
        skip=b" parent ",
    ),
    Accounting(
        "accton + dump-acct",
        ["accton"],
        text=["dump-acct", "pacct"],
        kinds={"exit": rb"^LOAD "},
        note="the kernel itself writes a record at each exit, which is in no tool's CPU time; the "
        "figures are dump-acct's.",
    ),
)  # fmt: skip


@dataclass
class Figures:
    """Results of one tool under one load, from all rounds."""

    made: int = 0
    seen: int = 0
    lost: int = 0
    nameless: int = 0
    foreign: float = 0.0  # events of other processes as a share of the load's, in the worst round
    cpu_us: list = field(default_factory=list)  # per event
    peak_mib: float = 0
    slowdown: list = field(default_factory=list)
    failure: str = None


# More events in an idle run are load from elsewhere.
IDLE_EVENTS = 200


@dataclass
class Idle:
    """CPU time of a run without a load, which is not charged to events."""

    start_s: float
    end_s: float


def idle(tool, rounds, idle_s):
    """The least of some runs: other activity can only add to it. More of them while
    the number of events is high."""
    runs = []
    while len(runs) < rounds or (min(runs)[0] > IDLE_EVENTS and len(runs) < 3 * rounds):
        with tool.attached() as session:
            time.sleep(idle_s)
            usage = session.finish()
            start_s = session.start_cpu_s
            runs.append((tool.reported(session), start_s, usage.cpu_s - start_s))
    quiet = [run for run in runs if run[0] <= max(IDLE_EVENTS, min(runs)[0])]
    return Idle(min(run[1] for run in quiet), min(run[2] for run in quiet))


def measure(tool, load, words, idle_end_s, runner, figures, notes):
    """One pair: the load alone, then beside the tool."""
    alone_s = None if load.paced else runner.run(words)[1]
    with tool.attached() as session:
        made, seconds = runner.run(words)
        if runner.late_ms > LATE_MS:
            notes.append(f"{tool.name}: the load fell {runner.late_ms:.0f} ms behind its rate.")
        usage = session.finish()
        seen = tool.seen(session, made, runner)
        if error := tool.check(session):
            notes.append(f"{tool.name}: {error}.")
    of_load = sum(seen.of_load.values())
    if not of_load:
        raise Failure("none of the load's events is in its output")
    figures.made += sum(made[kind] for kind in tool.kinds)
    figures.seen += of_load
    figures.lost += sum(made[kind] - seen.of_load[kind] for kind in tool.kinds)
    figures.nameless += seen.nameless
    figures.foreign = max(figures.foreign, seen.all / of_load - 1)
    # Events of other processes have cost CPU time, too.
    cpu_s = usage.cpu_s - session.start_cpu_s - idle_end_s
    figures.cpu_us.append(cpu_s / max(seen.all, of_load) * 1e6)
    figures.peak_mib = max(figures.peak_mib, usage.peak_mib)
    if alone_s:
        figures.slowdown.append((seconds / alone_s - 1) * 100)


def table_of(load, words, rounds, tools, idles, failures, runner):
    results = {tool.name: Figures(failure=failures.get(tool.name)) for tool in tools}
    nothing = []
    notes = []
    begin = time.monotonic()
    for turn in range(rounds):
        if turn and (time.monotonic() - begin) * (turn + 1) / turn > TABLE_TIMEOUT_S:
            notes.append(f"{turn} rounds in place of {rounds}: there was no time for more.")
            break
        where = f"tracing: {load.name}, round {turn + 1} of {rounds}"
        if not load.paced:
            progress(f"{where}: nothing")
            first, second = runner.run(words)[1], runner.run(words)[1]
            nothing.append((second / first - 1) * 100)
        for tool in tools:
            figures = results[tool.name]
            if figures.failure is None:
                progress(f"{where}: {tool.name}")
                try:
                    measure(tool, load, words, idles[tool.name].end_s, runner, figures, notes)
                except Failure as failure:
                    figures.failure = str(failure)

    count = words[2] * words[3] if load.paced else words[-1]
    table = Table(
        f"Tracing: {count:,} {load.title}",
        ["tool", "events made", "seen", "lost", "CPU µs an event", "ratio", "start ms",
         "peak MiB", "slow-down %"],
    )  # fmt: skip
    if nothing:
        table.add("nothing", *["-"] * 7, format_value(median(nothing), 1))
    base = results[tools[0].name].cpu_us
    for tool in tools:
        got = results[tool.name]
        if got.failure is not None:
            table.add(tool.name, *["-"] * 8)
            table.note(f"{tool.name} has no figures: {got.failure}")
            continue
        cpu_us = max(0.0, median(got.cpu_us))
        table.add(
            tool.name,
            f"{got.made:,}",
            f"{got.seen:,}",
            f"{got.lost:,}",
            format_value(cpu_us),
            ratio(cpu_us, base and median(base)),
            format_value((idles[tool.name].start_s + idles[tool.name].end_s) * 1000, 0),
            format_value(got.peak_mib, 1),
            format_value(median(got.slowdown), 1) if got.slowdown else "-",
        )
        if got.nameless:
            table.note(f"{tool.name}: {got.nameless:,} of the events that it saw have no name: it reads "
                       "that from /proc, where the process was gone.")  # fmt: skip
    for text in notes:
        table.note(text)
    foreign = max(got.foreign for got in results.values())
    if foreign > 0.1:
        table.note(f"This machine was not quiet: to the load's events came up to {foreign * 100:.0f} % "
                   "of others.")  # fmt: skip
    return table


def explain(table, rounds):
    """Notes for all tables, below the first one."""
    pairs = "one pair" if rounds == 1 else f"median of {rounds} pairs"
    table.note("Made, seen, lost: events of the load of the kinds that the tool reports, all rounds.")
    table.note("CPU: user and system time of the tool and of what makes text of its data, for each "
               "event that it reports, without the CPU time of a start and an end alone: start ms. "
               "Ratio: to 'vigil, text'.")  # fmt: skip
    table.note(f"Slow-down: {pairs}: the load alone, then beside the tool; 'nothing' is the load "
               "alone twice: the noise.")  # fmt: skip
    for tool in TOOLS:
        if tool.note:
            table.note(f"{tool.name}: {tool.note}")


def tables(quick):
    """One table per load, each as soon as it is ready."""
    with harness.temporary_directory() as directory, harness.tracing_files():
        runner = LoadRunner(directory)
        idles, failures = {}, {}
        for tool in TOOLS:
            progress(f"tracing: start of {tool.name}")
            try:
                idles[tool.name] = idle(tool, *((2, 0.1) if quick else (4, 0.5)))
            except Failure as failure:
                failures[tool.name] = str(failure)
        for load in LOADS:
            words = load.quick_words if quick else load.words
            rounds = 1 if quick or load.paced else 5
            tools = [tool for tool in TOOLS if load.kinds & set(tool.kinds)]
            table = table_of(load, words, rounds, tools, idles, failures, runner)
            if load is LOADS[0]:
                explain(table, rounds)
            yield table
