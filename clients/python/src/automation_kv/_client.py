"""`KV`: the store, for scripts that do one thing after another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import HTTPException
from os import PathLike
from typing import Any, Callable, Protocol, TypeVar, overload

from . import _calls
from ._batch import Batch
from ._calls import Call
from ._connection import Connections, NotSent
from ._cursor import Cursor
from ._exchange import Exchange
from ._lease import Lease
from ._methods import Marks, Reads, Writes
from ._settings import Limits, base_url_of, token_of
from ._transaction import Attempt, Transaction
from .errors import KVError
from .types import JSON, Duration

T = TypeVar("T")


class Backend(Protocol):
    """What carries calls out: the service, or an engine of our own."""

    def run(self, call: Call[T]) -> T:
        """Carries out a call; a `KVError` if it is refused or fails."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


class KV(Reads, Writes, Marks):
    """One automation's state. Safe to share between threads.

    `KV()` takes token and address from the environment. `timeout` is the seconds that one call may take in all, with
    its repetitions, and `attempt_timeout` those of one attempt.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        url: str | None = None,
        timeout: float = Limits().call,
        attempt_timeout: float = Limits().attempt,
    ) -> None:
        self._limits = Limits(timeout, attempt_timeout)
        self._backend: Backend = Service(base_url_of(url), token_of(token), self._limits)

    @classmethod
    def local(cls, path: str | PathLike[str], *, state_limit: int = 65_536) -> KV:
        """The same on a file, through the engine itself, for development without a service. Not encrypted.

        Needs `pip install 'automation-kv[local]'`. `state_limit` is the service's limit in bytes, 0 for none.
        """
        from ._local import LocalFile

        kv = cls.__new__(cls)
        kv._limits = Limits()
        kv._backend = LocalFile(path, state_limit)
        return kv

    def _run(self, call: Call[T]) -> T:
        return self._backend.run(call)

    # --- as a mapping

    def __getitem__(self, key: str) -> Any:
        return self._run(_calls.item(key))

    def __setitem__(self, key: str, value: JSON) -> None:
        self.set(key, value)

    def __delitem__(self, key: str) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.exists(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __bool__(self) -> bool:
        return True

    # --- several calls in one

    @overload
    def txn(
        self, key: str, change: Callable[[Any], JSON], default: JSON = None, *, ttl: Duration | None = None
    ) -> Any: ...
    @overload
    def txn(
        self, key: str, change: None = None, default: JSON = None, *, ttl: Duration | None = None
    ) -> Iterator[Attempt]: ...
    def txn(
        self,
        key: str,
        change: Callable[[Any], JSON] | None = None,
        default: JSON = None,
        *,
        ttl: Duration | None = None,
    ) -> Any:
        """Changes a value that others change too: reads it, lets `change` make the new one, writes it if nobody else
        wrote.

        If somebody did, or the service was busy, all of it runs again, so `change` should do nothing else. Gives the
        new value. `default` stands for a key that is missing. The key's time to live stays as it is, unless `ttl`
        gives it another.

        Without `change` it is a loop around code of your own, which changes `value` in place or sets `attempt.value`:

            for attempt in kv.txn("status", default={}):
                with attempt as value:
                    value["runs"] = value.get("runs", 0) + 1

        Leave that block by its end only: after a `return` or `break` in it nothing could run it again.
        """
        transaction = Transaction(key, default, ttl, self._limits, rereads=change is not None)
        attempts = self._attempts(transaction)
        if change is None:
            return attempts
        value: Any = None
        for attempt in attempts:
            with attempt:
                value = attempt.value = change(attempt.value)
        return value

    def _attempts(self, transaction: Transaction) -> Iterator[Attempt]:
        while True:
            try:
                found = self._run(transaction.read)
            except KVError as error:
                transaction.unread(error)
            attempt = Attempt(transaction, found, self._run)
            yield attempt
            if attempt.is_done:
                return
            time.sleep(transaction.pause(attempt))

    def claim(self, name: str, ttl: Duration, *, wait: Duration = 0, owner: str | None = None) -> Lease:
        """A lease for a `with` block: one owner at a time, renewed as long as the block runs, given back at its end.

        `Held` if another has it still after `wait`. It is a lease, not mutual exclusion: after a pause that is longer
        than
        `ttl` (of this process, or of the network) another owner may have started beside this one. Send `lease.fence`,
        which is higher for each later owner, along with the work, and let whoever receives it refuse lower ones. At the
        end of a block whose lease got lost is a `LeaseLost`; ask `lease.lost` before steps that must not be done twice.
        """
        return Lease(self, name, ttl, wait, owner)

    def cursor(self, name: str, default: JSON = None) -> Cursor:
        """How far the work has got: `cursor.value`, and `cursor.advance(value)` unless another run moved it."""
        return Cursor(self, name, default)

    def batch(self, *, if_version: int | None = None) -> Batch:
        """Up to 100 operations, all or none: call its methods in a `with` block, then look into their `Result`s."""
        return Batch(self, if_version)

    def if_version(self, version: int) -> Conditional:
        """Writes only if the state has this version, else `VersionMismatch`: `kv.if_version(4).set(…)`."""
        return Conditional(self, version, None)

    def if_key_version(self, version: int) -> Conditional:
        """Writes only if the key has this version (0: is not there), else `VersionMismatch`."""
        return Conditional(self, None, version)

    # --- the end

    def close(self) -> None:
        """Closes the connections; a later call opens them anew."""
        self._backend.close()

    def __enter__(self) -> KV:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Conditional(Writes):
    """Writes on a condition."""

    def __init__(self, kv: KV, version: int | None, key_version: int | None) -> None:
        self._kv = kv
        self._version = version
        self._key_version = key_version

    def _run(self, call: Call[T]) -> T:
        return self._kv._run(call.on(version=self._version, key_version=self._key_version))


class Service:
    """The service, over HTTP."""

    def __init__(self, base_url: str, token: str, limits: Limits) -> None:
        self._connections = Connections(base_url)
        self._token = token
        self._limits = limits

    def run(self, call: Call[T]) -> T:
        """Sends a call, again where that helps, and gives its result."""
        exchange = Exchange(call, self._token, self._limits)
        while True:
            try:
                answer = self._connections.send(exchange.request, exchange.attempt_seconds)
            except NotSent as error:
                pause = exchange.failed(error, was_sent=False)
            except (OSError, HTTPException) as error:
                pause = exchange.failed(error, was_sent=True)
            else:
                next_pause = exchange.answered(answer)
                if next_pause is None:
                    return exchange.result
                pause = next_pause
            time.sleep(pause)

    def close(self) -> None:
        """Closes its connections."""
        self._connections.close()
