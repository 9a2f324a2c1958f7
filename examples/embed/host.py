#!/usr/bin/env python3
"""A host for the engine component in Python: its two imports, and a session from `open` to `commit`.

    host.py engine.wasm recording.json...

plays recordings of `automation-kv simulate --record` and prints the SHA-256 of the document that each leaves. Ends with 1 if
one of them is not the recorded document, byte for byte. Needs the package `wasmtime` (PyPI), version 48 or later.
"""
import base64, hashlib, json, sys

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

PACKAGE = "automation:kv/{}@1.0.0"


class Host:
    """The compiled component. Each session is an instance of its own."""

    def __init__(self, file):
        self.engine = Engine()
        self.component = Component.from_file(self.engine, file)

    def session(self, document, sealed_at):
        return Session(self, document, sealed_at)


class Session:
    """One automation's record, and an instance that works on it. A vault that encrypts would do so in `seal` and `open`."""

    def __init__(self, host, document, sealed_at):
        self.sealed = [] if document is None else [document]
        self.is_stored = document is not None
        self.sealed_at = sealed_at
        self.saved = None
        self.store = Store(host.engine)
        linker = Linker(host.engine)
        with linker.root() as root:
            with root.add_instance(PACKAGE.format("storage")) as storage:
                storage.add_func("load", self._load)
                storage.add_func("save", self._save)
            with root.add_instance(PACKAGE.format("vault")) as vault:
                vault.add_func("open", self._unseal)
                vault.add_func("seal", self._seal)
        self.instance = linker.instantiate(self.store, host.component)
        self.exports = self.instance.get_export_index(self.store, PACKAGE.format("engine"))

    def call(self, name, *arguments):
        """Calls a function of the interface `engine`."""
        index = self.instance.get_export_index(self.store, name, self.exports)
        function = self.instance.get_func(self.store, index)
        result = function(self.store, *arguments)
        function.post_return(self.store)
        return result

    def _load(self, store):
        return 0 if self.is_stored else None

    def _save(self, store, sealed, expires_at):
        self.saved = self.sealed[sealed]

    def _unseal(self, store, sealed):
        return wit({"plain": self.sealed[sealed], "sealed-at": self.sealed_at})

    def _seal(self, store, plain):
        self.sealed.append(plain)
        return len(self.sealed) - 1


def wit(value):
    """A value of a recording, as the component takes it: records and variants are objects in JSON."""
    if isinstance(value, list):
        return [wit(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "tag" in value:
        return Variant(value["tag"], wit(value.get("val")))
    record = Record()
    record.__dict__.update((name, wit(inner)) for name, inner in value.items())
    return record


def play(host, recording):
    """The document that a recording leaves: what was saved, or what was there if nothing was."""
    document = recording["state"] and base64.b64decode(recording["state"])
    session = host.session(document, recording["sealed-at"])
    failure = session.call("open", wit(recording["limits"]), recording["now"])
    if failure is not None:
        raise SystemExit(f"the engine cannot open the state: {failure}")
    for request in recording["requests"]:
        session.call("execute", wit(request))  # a reply or a rejection: both are part of what was recorded
    failure = session.call("commit")
    if failure is not None:
        raise SystemExit(f"the engine cannot save the state: {failure}")
    return session.saved or document


def main(component=None, *files):
    if not files:
        sys.exit(__doc__)
    host = Host(component)
    differ = 0
    for file in files:
        with open(file) as opened:
            recording = json.load(opened)
        document = play(host, recording) or b""
        is_same = document == base64.b64decode(recording["document"] or "")
        differ += not is_same
        print(hashlib.sha256(document).hexdigest(), "same" if is_same else "DIFFERENT", file)
    sys.exit(min(differ, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
