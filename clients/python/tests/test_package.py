"""The package as it is handed out: it builds, installs into a clean environment, and is typed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from .service import Service, environment, token

PACKAGE = Path(__file__).parents[1]

#: What the first steps of the README look like.
SCRIPT = """\
from automation_kv import KV

kv = KV()
kv["status"] = {"ok": True}
print(kv.incr("runs"), kv["status"]["ok"])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    tool("hatchling", "build", "-d", str(folder))
    return folder


def tool(*command: str) -> None:
    run = subprocess.run([sys.executable, "-m", *command], cwd=PACKAGE, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_wheel_and_sdist_hold_the_engine_and_the_types(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    inside = zipfile.ZipFile(wheel).namelist()
    with tarfile.open(sdist) as archive:
        sources = archive.getnames()
    for name in ("engine.wasm", "py.typed", "__init__.py"):
        assert f"automation_kv/{name}" in inside
        assert f"{sdist.name[: -len('.tar.gz')]}/src/automation_kv/{name}" in sources


def test_a_five_line_script_runs_in_a_clean_environment(built: Path, service: Service, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    (wheel,) = built.glob("*.whl")
    python = tmp_path / "venv" / "bin" / "python"
    # Ours installs into it, as making another pip takes ten times longer.
    tool("pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps", str(wheel))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    variables = {**environment(), "AUTOMATION_API_URL": service.url, "AUTOMATION_KV_TOKEN": token()}
    run = subprocess.run([python, "-I", script], env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "1 True\n", run.stderr


def test_without_wasmtime_the_error_names_the_extra(built: Path, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.modules['wasmtime'] = None\nfrom automation_kv import KV; KV.local({str(tmp_path / 'x')!r})"
    )
    run = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True)
    assert "pip install 'automation-kv[local]'" in run.stderr


def test_without_the_component_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from automation_kv import NotConfigured, _engine

    monkeypatch.setattr(_engine, "COMPONENT", tmp_path / "engine.wasm")
    with pytest.raises(NotConfigured, match="make client-engine"):
        _engine.Compiled()


@pytest.mark.parametrize(
    "check",
    [
        ("mypy", "--strict"),
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("vermin", "-q", "--no-tips", "-t=3.9-", "src"),
    ],
    ids=["types", "lint", "format", "python_3_9"],
)
def test_the_sources_pass(check: tuple[str, ...]) -> None:
    if check[0] == "vermin":
        # It is a script, without a module of its own to run.
        vermin = Path(sys.executable).with_name("vermin")
        run = subprocess.run([vermin, *check[1:]], cwd=PACKAGE, capture_output=True, text=True, env={**os.environ})
        assert run.returncode == 0, run.stdout
        return
    tool(*check)
