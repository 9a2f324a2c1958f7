"""How long a script waits for the client: import, and the first call, on top of the interpreter itself.

`python -m benches.start`, in clients/python. Prints milliseconds: the median and the fastest of some runs, and the
median of the processor's time, which other work on the machine disturbs least. An installed package is compiled, so
this one is too, before the runs.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import automation_kv
from tests.service import Service, token

RUNS = 21

PROGRAMS = {
    "interpreter": "pass",
    "import": "import automation_kv",
    "import and first call": "from automation_kv import KV; KV().incr('runs')",
}


class Run(NamedTuple):
    """How long a process took, in milliseconds."""

    waited: float
    #: Of the processor's time.
    used: float


def run(program: str, environment: dict[str, str]) -> Run:
    """Runs a program in a process of its own."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    waited = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{program} failed")
    return Run(waited * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def main() -> None:
    """Runs the programs by turns, so that whatever else the machine does meets all of them."""
    compileall.compile_dir(Path(automation_kv.__file__).parent, quiet=1)
    runs: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        environment = {**os.environ, "AUTOMATION_API_URL": service.url, "AUTOMATION_KV_TOKEN": token()}
        for _ in range(RUNS):
            for name, program in PROGRAMS.items():
                runs[name].append(run(program, environment))
        service.stop()
    base = figures(runs["interpreter"])
    for name, own in runs.items():
        columns = (
            f"{label} {own_figure:6.1f} ({own_figure - base_figure:+6.1f})"
            for label, own_figure, base_figure in zip(LABELS, figures(own), base)
        )
        print(f"{name:22} {'   '.join(columns)}")


LABELS = ("median", "fastest", "processor")


def figures(runs: list[Run]) -> tuple[float, float, float]:
    """What is told of some runs, as `LABELS` names it."""
    waited = [run.waited for run in runs]
    return statistics.median(waited), min(waited), statistics.median(run.used for run in runs)


if __name__ == "__main__":
    main()
