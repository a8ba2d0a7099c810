# SPDX-License-Identifier: Apache-2.0
"""Instructions of the hot paths, counted by callgrind: no clock, so the same on a busy machine."""

import harness

HOT_PATHS = harness.BUILD / "bench" / "hot_paths"
EVENTS = 50_000
PROCESSES = 10_000
TICKS = 5


def counted(function, words):
    """Instructions of the function and its callees in one run of hot_paths."""
    with harness.temporary_directory() as directory:
        file = directory / "callgrind.out"
        callgrind = ["valgrind", "--tool=callgrind", "--collect-atstart=no"]
        callgrind += [f"--toggle-collect={function}", f"--callgrind-out-file={file}"]
        harness.run([*callgrind, HOT_PATHS, *words])
        for line in file.read_text().splitlines():
            if line.startswith("totals:") and int(line.split()[1]) > 0:
                return int(line.split()[1])
    raise harness.Failure("callgrind has counted nothing")


def tables(_quick):
    """The same with --quick: it takes some seconds, and the values stay comparable."""
    # Title, unit, count, measured function, arguments.
    paths = (
        ("ring record → JSON line", "event", EVENTS, "measured_format", ("json", EVENTS)),
        ("ring record → text line", "event", EVENTS, "measured_format", ("text", EVENTS)),
        ("agent's line → line of the log", "event", EVENTS, "measured_parse", ("parse", EVENTS)),
        (
            "samples → checked by three rules",
            f"tick of {PROCESSES:,} processes",
            TICKS,
            "measured_tick",
            ("tick", PROCESSES, TICKS),
        ),
        (
            "fork, exec, signal, exit → death record",
            "event",
            EVENTS,
            "measured_lives",
            ("lives", EVENTS),
        ),
    )
    table = harness.Table("Instructions", ["path", "of one", "instructions", "a second run"])
    for name, unit, times, function, words in paths:
        harness.progress(f"instructions: {name}")
        try:
            first, second = (counted(function, words) for _ in range(2))
        except harness.Failure as reason:
            table.note(f"{name}: {reason}")
            continue
        table.add(name, unit, f"{round(first / times):,}", f"{second / first - 1:+.3%}")
    table.note(
        "Counted by callgrind in user space. The records are one fork, exec, signal and exit after "
        "another; the agent's lines have 300 bytes; samples are those of the kernel's sweep, "
        "converted, compared with the last ones and checked against the rules."
    )
    table.note(
        "The same program on the same kind of CPU gives the same count, however busy the machine "
        "is; another compiler or another vector extension gives another one."
    )
    return [table]
