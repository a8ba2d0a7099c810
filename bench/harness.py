# SPDX-License-Identifier: Apache-2.0
"""Shared by all tables: programs that run beside a load, their cost, and table output."""

import contextlib
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
VIGIL = BUILD / "vigil"

# Timeout of a tool to become ready, or to end on request.
TIMEOUT_S = 60


class Failure(Exception):
    """A tool that can't run here; the reason is printed in its row."""


@dataclass
class Usage:
    """Usage of a program and of the children that it waited for."""

    cpu_s: float  # user + system
    peak_mib: float  # peak of its own resident memory


def reason(stderr):
    """The best line about why a program failed: the last that mentions an error, or the last."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    relevant = [line for line in lines if "rror" in line or "ailed" in line] or lines
    return relevant[-1].strip()[:200] if relevant else ""


def progress(text):
    """Prints on standard error what is being measured; the tables stay clean."""
    print(text, file=sys.stderr, flush=True)


def until(condition, what, timeout_s=TIMEOUT_S):
    """Polls for a condition; Failure if it does not come true."""
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {timeout_s} s")
        time.sleep(0.002)
    return result


class Program:
    """A program in the background; its output goes to files in its own directory.

    ready: text that it prints, on either stream, once it works; WAITING: it works once it waits for
    events; None: it is ready when it runs. "{directory}" in argv stands for its directory.
    """

    WAITING = object()
    # recvfrom, recvmsg, and all kinds of poll and epoll_wait on x86-64.
    _WAITS = {b"45", b"47", b"7", b"271", b"232", b"281", b"441"}

    def __init__(self, argv, ready=None, stdout=None, cwd=None, environment=None):
        argv = [str(word) for word in argv]
        if shutil.which(argv[0]) is None:
            raise Failure("not installed")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vigil-bench-"))
        self.name = pathlib.Path(argv[0]).name
        self._peak_kib = 0
        self._usage = None
        with open(stdout or self.out, "wb") as out, open(self.err, "wb") as err:
            self._process = subprocess.Popen(
                [word.replace("{directory}", str(self.directory)) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        try:
            if ready is self.WAITING:
                until(self._waits, f"{self.name} to wait for events")
            elif ready is not None:
                until(lambda: self._has_printed(ready), f"{self.name} to print '{ready}'")
        except BaseException:  # Ctrl-C too: no other code can end it yet
            self.end()
            raise

    @property
    def out(self):
        return self.directory / "out"

    @property
    def err(self):
        return self.directory / "err"

    @property
    def pid(self):
        return self._process.pid

    @property
    def exit_code(self):
        """The return code of subprocess, once the program has ended."""
        return self._process.returncode

    def _must_run(self):
        if self._ended():
            raise Failure(reason(self.err.read_bytes()) or f"{self.name} ended at once")

    def _waits(self):
        self._must_run()
        try:
            call = pathlib.Path(f"/proc/{self.pid}/syscall").read_bytes().split()
        except OSError:
            return False
        return bool(call) and call[0] in self._WAITS

    def _has_printed(self, text):
        self._must_run()
        return any(text in file.read_text(errors="replace") for file in (self.out, self.err))

    def _ended(self):
        """Also records the peak memory, which is not available after the end."""
        if self._usage is not None:
            return True
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    self._peak_kib = int(line.split()[1])
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self._process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        self._usage = Usage(usage.ru_utime + usage.ru_stime, 0)
        return True

    def cpu_s(self):
        """CPU time of its living threads, from the scheduler, which counts it exactly."""
        total = 0
        for stat in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(stat.read_text().split()[0])
        return total / 1e9

    def wait_idle(self, quiet_s=0.2, timeout_s=TIMEOUT_S):
        """Waits until it has processed its input: until it uses no CPU time any more."""
        end = time.monotonic() + timeout_s
        before = -1.0
        while (used := self.cpu_s()) - before > quiet_s / 100 and time.monotonic() < end:
            before = used
            time.sleep(quiet_s)

    def wait(self, timeout_s=TIMEOUT_S):
        """Waits for its end; returns its total usage."""
        try:
            until(self._ended, f"{self.name} to end", timeout_s)
        except Failure:
            os.kill(self.pid, signal.SIGKILL)
            until(self._ended, f"{self.name} to be killed")
            raise
        self._usage.peak_mib = self._peak_kib / 1024
        return self._usage

    def stop(self, number=signal.SIGINT):
        """Ends it with the signal and waits; returns its total usage."""
        if not self._ended():
            os.kill(self.pid, number)
        return self.wait()

    def discard(self):
        """Removes its output."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def end(self):
        """Ends it if it still runs, with time to clean up, and discards its output."""
        try:
            if not self._ended():
                os.kill(self.pid, signal.SIGTERM)
                with contextlib.suppress(Failure):
                    self.wait(5)
        finally:
            self.discard()


@contextlib.contextmanager
def program(*args, **options):
    """A Program that has ended and been removed at the end of the block."""
    running = Program(*args, **options)
    try:
        yield running
    finally:
        running.end()


def run(argv):
    """Runs a program to its end; returns its output; Failure if it can't run or fails."""
    if shutil.which(str(argv[0])) is None:
        raise Failure("not installed")
    done = subprocess.run([str(word) for word in argv], capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(reason(done.stderr) or f"exit code {done.returncode}")
    return done.stdout.decode(errors="replace")


@contextlib.contextmanager
def temporary_directory(below=None):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="vigil-bench-", dir=below))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def tracing_files():
    """The kernel's tracing files mounted, where most tools look for tracepoints."""
    mine = []
    try:
        for kind, place in (("tracefs", "/sys/kernel/tracing"), ("debugfs", "/sys/kernel/debug")):
            if not os.path.ismount(place):
                with contextlib.suppress(Failure):  # the tools report what they miss
                    run(["mount", "-t", kind, kind, place])
                    mine.append(place)
        yield
    finally:
        for place in reversed(mine):
            with contextlib.suppress(Failure):
                run(["umount", "-l", place])


median = statistics.median


def format_value(value, digits=2):
    """A number for a table; '-' if there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value, base):
    """Ratio to vigil's value; '-' if that is meaningless."""
    if value is None or not base or base < 0 or value < 0:
        return "-"
    times = value / base
    return f"{times:.2f}×" if times < 10 else f"{times:,.0f}×"


class Table:
    """Rows of text under a title, as Markdown that is also easy to read in a terminal."""

    def __init__(self, title, columns):
        self.title = title
        self.rows = [columns]
        self.notes = []

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def note(self, text):
        """A sentence below the table: a peer that did not run, how a value was measured."""
        if text not in self.notes:
            self.notes.append(text)

    def __str__(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]

        def line(row):
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            return "| " + " | ".join(cells) + " |"

        rule = ["-" * widths[0]] + ["-" * (max(width, 2) - 1) + ":" for width in widths[1:]]
        lines = [f"## {self.title}", "", line(self.rows[0]), "| " + " | ".join(rule) + " |"]
        lines += [line(row) for row in self.rows[1:]]
        lines += [""] + [f"- {note}" for note in self.notes] + [""] * bool(self.notes)
        return "\n".join(lines)
