"""How long a script waits for the client: import, and the first call, on top of the interpreter itself.

Needs AUTOMATION_API_URL and AUTOMATION_KV_TOKEN, as any script does. Prints milliseconds: the median of some runs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 21

PROGRAMS = {
    "interpreter": "pass",
    "import": "import automation_kv",
    "import and first call": "from automation_kv import KV; KV().incr('runs')",
}


def milliseconds(program: str) -> float:
    """How long a process takes that runs a program."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Runs the programs by turns, so that whatever else the machine does meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):
        for name, program in PROGRAMS.items():
            times[name].append(milliseconds(program))
    base = statistics.median(times["interpreter"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:24} {median:6.1f} ms   {median - base:+6.1f} ms")


if __name__ == "__main__":
    main()
