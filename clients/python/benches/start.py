"""How long a script waits for the client: import, and the first call, on top of the interpreter itself.

Needs AUTOMATION_API_URL and AUTOMATION_KV_TOKEN, as any script does. Prints milliseconds: the median of
some runs and the fastest, as other work on the machine only ever adds to them.
"""

from __future__ import annotations

import os
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
    # An installed package is compiled: so must this one be after its first run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Runs the programs by turns, so that whatever else the machine does meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):
        for name, program in PROGRAMS.items():
            times[name].append(milliseconds(program))
    for name, values in times.items():
        median, fastest = statistics.median(values), min(values)
        base_median, base_fastest = statistics.median(times["interpreter"]), min(times["interpreter"])
        print(
            f"{name:22} median {median:6.1f} ({median - base_median:+6.1f})   fastest {fastest:6.1f} "
            f"({fastest - base_fastest:+6.1f})"
        )


if __name__ == "__main__":
    main()
