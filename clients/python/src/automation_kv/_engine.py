"""The engine component, run by wasmtime: one session, one request, one state that is not sealed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from .errors import NotConfigured, ServiceError

if importlib.util.find_spec("wasmtime") is None:
    raise ImportError("KV.local needs wasmtime: pip install 'automation-kv[local]'")

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

#: Where the build puts the component; it is part of the wheel.
COMPONENT = Path(__file__).with_name("engine.wasm")

_PACKAGE = "automation:kv"
_VERSION = "1.0.0"


class Session:
    """Carries out one request on a state, as the service does, and keeps what is to be saved."""

    def __init__(self, compiled: Compiled, state: bytes | None, sealed_at_ms: int) -> None:
        self._state = state
        self._sealed_at_ms = sealed_at_ms
        self._sealed = b""
        #: The next state; none if nothing changed.
        self.saved: bytes | None = None
        self._store = Store(compiled.engine)
        linker = Linker(compiled.engine)
        with linker.root() as root:
            with root.add_instance(f"{_PACKAGE}/storage@{_VERSION}") as storage:
                storage.add_func("load", self._load)
                storage.add_func("save", self._save)
            with root.add_instance(f"{_PACKAGE}/vault@{_VERSION}") as vault:
                vault.add_func("open", self._open)
                vault.add_func("seal", self._seal)
        self._instance = linker.instantiate(self._store, compiled.component)
        self._interface = self._instance.get_export_index(self._store, f"{_PACKAGE}/engine@{_VERSION}")

    def run(self, request: Any, state_limit: int, now_ms: int) -> tuple[str, Any]:
        """`("ok", reply)` or `("err", rejection)`, as WIT has them (wit/types.wit), made of plain values."""
        limits = {"state-bytes": state_limit, "value-bytes": state_limit}
        self._must(self._call("open", lower(limits), now_ms))
        answer = lift(self._call("execute", lower(request)))
        self._must(self._call("commit"))
        tag, payload = answer
        return tag, payload

    def _call(self, name: str, *arguments: Any) -> Any:
        index = self._instance.get_export_index(self._store, name, self._interface)
        function = None if index is None else self._instance.get_func(self._store, index)
        if function is None:
            raise ServiceError(f"{COMPONENT} is no engine of {_PACKAGE}@{_VERSION}: it has no {name!r}")
        return function(self._store, *arguments)

    def _must(self, result: Any) -> None:
        if isinstance(result, Variant):
            raise ServiceError(f"the file is not a state that this engine reads: {lift(result)[1]}")

    # The imports: one state, which is its own sealed form. The numbers name it before and after.

    def _load(self, _: Any) -> int | None:
        return None if self._state is None else 0

    def _open(self, _: Any, sealed: int) -> Record:
        record: Record = lower({"plain": self._state or b"", "sealed-at": self._sealed_at_ms})
        return record

    def _seal(self, _: Any, plain: bytes) -> int:
        self._sealed = bytes(plain)
        return 1

    def _save(self, _: Any, sealed: int, expires_at: int | None) -> None:
        self.saved = self._sealed


class Compiled:
    """The component, ready for sessions: compiling it takes a third of a second."""

    def __init__(self) -> None:
        if not COMPONENT.is_file():
            raise NotConfigured(
                f"{COMPONENT} is missing, so KV.local has no engine: install a wheel that has it, or in a clone "
                "run `make client-engine`"
            )
        self.engine = Engine()
        self.component = Component.from_file(self.engine, str(COMPONENT))


def lower(value: Any) -> Any:
    """Plain values as wasmtime wants them: a dictionary is a record, a pair of name and payload a case of a variant."""
    if isinstance(value, dict):
        record = Record()
        for name, member in value.items():
            setattr(record, name, lower(member))
        return record
    if isinstance(value, tuple):
        tag, payload = value
        return Variant(tag, lower(payload))
    if isinstance(value, list):
        return [lower(item) for item in value]
    return value


def lift(value: Any) -> Any:
    """The reverse of `lower`."""
    if isinstance(value, Record):
        return {name: lift(member) for name, member in vars(value).items()}
    if isinstance(value, Variant):
        return value.tag, lift(value.payload)
    if isinstance(value, list):
        return [lift(item) for item in value]
    return value
