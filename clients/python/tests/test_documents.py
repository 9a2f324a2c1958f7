"""Every Python snippet of the documents runs, each document's from top to bottom, and the examples do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from .service import ROOT, Service, environment, token

DOCUMENTS = [
    "README.md",
    "clients/python/README.md",
    "clients/skill/SKILL.md",
    "docs/client-guide.md",
    "docs/from-the-python-service.md",
]
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_snippets_run(document: str, service: Service, tmp_path: Path) -> None:
    snippets = SNIPPET.findall((ROOT / document).read_text())
    assert snippets
    script = tmp_path / "snippets.py"
    script.write_text("\n".join(snippets))
    variables = {**environment(), "AUTOMATION_API_URL": service.url, "AUTOMATION_KV_TOKEN": token()}
    run = subprocess.run([sys.executable, script], cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_overlapping_slack_listeners_handle_each_message_once(service: Service) -> None:
    automation = str(uuid.uuid4())
    kv = service.kv(automation)
    week_ago = time.time() - 8 * 86_400
    kv["seen"] = {"C1.old": week_ago, "C1.recent": time.time()}
    lines = [f"C1.{number} text of {number}\n" for number in range(25)] + ["C1.recent text of an old one\n"]
    variables = {**environment(), "AUTOMATION_API_URL": service.url, "AUTOMATION_KV_TOKEN": token(automation)}
    runs = [
        subprocess.Popen(
            [sys.executable, ROOT / "examples" / "slack_listener_client.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            text=True,
        )
        for _ in range(4)
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.writelines(lines)
        run.stdin.close()
    handled = [line for run in runs if run.stdout is not None for line in run.stdout.read().splitlines()]
    assert [run.wait() for run in runs] == [0] * 4
    assert sorted(handled) == sorted(f"text of {number}" for number in range(25))
    assert len(kv["seen"]) == 26 and "C1.old" not in kv["seen"] and "C1.recent" in kv["seen"]
    assert sorted(kv) == ["seen", "status"], "leases stayed"


def test_the_slack_listener_fits_in_forty_lines() -> None:
    assert len((ROOT / "examples" / "slack_listener_client.py").read_text().splitlines()) < 40
