"""The calls as methods: written down once, for whoever carries them out at once, later, or together."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Generic, Protocol, TypeVar, overload

from . import _calls
from ._calls import Call

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")
else:
    P = TypeVar("P")


class Result(Generic[T]):
    """What an operation of a batch will have given, once the batch was sent."""

    def __init__(self) -> None:
        self._values: list[T] = []

    @property
    def value(self) -> T:
        """The result; `RuntimeError` as long as there is none."""
        if not self._values:
            raise RuntimeError("the batch was not sent, or was refused: there is no result")
        return self._values[0]


class Sync(Protocol):
    """Carries out a call and gives its result."""

    def _run(self, call: Call[T]) -> T: ...


class Async(Protocol):
    """Carries out a call and gives its result, in time."""

    def _run_async(self, call: Call[T]) -> Awaitable[T]: ...


class Collecting(Protocol):
    """Notes a call and gives a place for its result."""

    def _note(self, call: Call[T]) -> Result[T]: ...


class Method(Generic[P, T]):
    """A call as a method."""

    def __init__(self, make: Callable[P, Call[T]]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, caller: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, caller: Sync, owner: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, caller: Async, owner: Any = None) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, caller: Collecting, owner: Any = None) -> Callable[P, Result[T]]: ...
    def __get__(self, caller: Sync | Async | Collecting | None, owner: Any = None) -> Any:
        if caller is None:
            return self
        # Each kind of caller has one of these.
        run = getattr(caller, "_run", None) or getattr(caller, "_run_async", None) or caller._note  # type: ignore[union-attr]

        @wraps(self._make)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return run(self._make(*args, **kwargs))

        method.__name__ = method.__qualname__ = self._name
        return method


class Reads:
    """What reads, one call each."""

    get = Method(_calls.get)
    entry = Method(_calls.entry)
    exists = Method(_calls.exists)
    keys = Method(_calls.keys)
    items = Method(_calls.items)
    page = Method(_calls.page)
    usage = Method(_calls.usage)
    length = Method(_calls.length)
    range = Method(_calls.range_of)


class BatchedWrites:
    """What writes, alone or as an operation of a batch."""

    set = Method(_calls.set_to)
    delete = Method(_calls.delete)
    expire = Method(_calls.expire)
    persist = Method(_calls.persist)
    set_at = Method(_calls.set_at)
    merge = Method(_calls.merge)
    append_at = Method(_calls.append_at)
    incr_at = Method(_calls.incr_at)
    edit = Method(_calls.edit)
    incr = Method(_calls.incr)
    decr = Method(_calls.decr)
    lpush = Method(_calls.lpush)
    rpush = Method(_calls.rpush)
    lpop = Method(_calls.lpop)
    rpop = Method(_calls.rpop)
    lpop_many = Method(_calls.lpop_many)
    rpop_many = Method(_calls.rpop_many)
    trim = Method(_calls.trim)
    remove = Method(_calls.remove)
    remove_where = Method(_calls.remove_where)
    prune = Method(_calls.prune)
    call = Method(_calls.call)


class Writes(BatchedWrites):
    """What writes, one call each."""

    json_patch = Method(_calls.json_patch)
    merge_patch = Method(_calls.merge_patch)


class Marks:
    """Writes whose refusal is an answer too."""

    add = Method(_calls.add)
    once = Method(_calls.once)
    forget = Method(_calls.forget)


class BatchedReads:
    """What a batch can read, and test."""

    read = Method(_calls.read)
    check = Method(_calls.check)
    length = Method(_calls.length)
    range = Method(_calls.range_of)
