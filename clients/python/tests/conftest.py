"""A service for all tests, and a client of a new automation for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation_kv import KV

from .service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"))
    yield service
    service.stop()


@pytest.fixture(params=["service", "local"])
def kv(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KV]:
    """The same tests hold for the service and for the local engine."""
    if request.param == "local":
        yield KV.local(tmp_path / "state.kv")
        return
    service: Service = request.getfixturevalue("service")
    with service.kv() as kv:
        yield kv
