"""Every call that the API has, as data: what is asked, and how the answer reads.

A call is made of the same name and members as an operation of a batch (docs/api.md, "Batch"), so it can go alone, in a
batch, or straight into the engine. Each function here is a method of `KV`, `AsyncKV` and, where batches take it, of the
batch builders; the docstrings are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Generic, TypeVar

from .errors import KeyExists, KeyNotFound, KVError, NotHeld, PathNotFound
from .types import JSON, Duration, Entry, Moment, Page, Usage, Written, epoch_seconds, milliseconds, time_of

T = TypeVar("T")

#: Operations that change nothing, so sending one twice is harmless.
READS = frozenset(["read", "list", "len", "range"])

#: How long `once` remembers unless told otherwise.
WEEK_SECONDS = 7 * 86_400


class Call(Generic[T]):
    """One call, before it is known how it travels.

    `parse` makes the result of the members of an answer; `instead` has results for refusals that are none to this call.
    """

    def __init__(
        self,
        op: str,
        key: str,
        members: Mapping[str, Any],
        parse: Callable[[Mapping[str, Any]], T],
        *,
        instead: Mapping[type[KVError], T] | None = None,
    ) -> None:
        self.op = op
        self.key = key
        self.members = members
        self.parse = parse
        self.instead = instead or {}
        self.if_version: int | None = None
        self.if_key_version: int | None = None
        #: Whether an outcome is unknown until it is answered, so that the pauses between its attempts are short.
        self.is_urgent = False
        #: Of a write that was made from a read, which gets old in a pause: how often the service has refused what it is
        #: another attempt at. The service's next refusal is raised with its `pause` instead of waited out, unless an
        #: answer got lost.
        self.refusals: int | None = None

    def on(self, *, version: int | None = None, key_version: int | None = None) -> Call[T]:
        """The same, but only if the state or the key has this version."""
        call = Call(self.op, self.key, self.members, self.parse, instead=self.instead)
        call.if_version, call.if_key_version = version, key_version
        return call

    @property
    def writes(self) -> bool:
        """Whether it can change anything."""
        return self.op not in READS

    def refused(self, error: KVError) -> T:
        """The result that a refusal stands for; raises it if it stands for none."""
        for kind, result in self.instead.items():
            if isinstance(error, kind):
                return result
        raise error


# --- reading


def get(key: str, default: Any = None, *, path: str | None = None) -> Call[Any]:
    """The value of `key`, or of a `path` in it (`a.b`, `items[0]`, `a["x.y"]`); `default` where there is nothing."""
    missing: dict[type[KVError], Any] = {KeyNotFound: default, PathNotFound: default}
    return Call("read", key, _given(path=path), _member("value"), instead=missing)


def item(key: str) -> Call[Any]:
    """The value of `key`; `KeyNotFound`, which is a `KeyError`, if there is none."""
    return Call("read", key, {}, _member("value"))


def entry(key: str) -> Call[Entry | None]:
    """The value and what is known of `key`: its versions, times and size; none if there is none."""
    return Call("read", key, {"meta": True}, _entry, instead={KeyNotFound: None})


def exists(key: str) -> Call[bool]:
    """Whether there is such a key."""
    return Call("read", key, {}, lambda _: True, instead={KeyNotFound: False})


def keys(prefix: str = "") -> Call[list[str]]:
    """All keys that start with `prefix`, oldest first."""
    return Call("list", "", _given(prefix=prefix or None), _member("keys"))


def items(prefix: str = "") -> Call[dict[str, Any]]:
    """All keys that start with `prefix`, with their values: one moment's."""
    return Call("list", "", _given(prefix=prefix or None, values=True), _member("values"))


def page(prefix: str = "", *, limit: int = 1000, cursor: str | None = None, values: bool = False) -> Call[Page]:
    """Up to `limit` keys (1 to 1000) and what is known of them; `cursor` is the `next_cursor` of the page before."""
    members = _given(prefix=prefix or None, limit=limit, cursor=cursor, values=values or None, meta=True)
    return Call("list", "", members, _page)


def usage() -> Call[Usage]:
    """How full the state is, and how much room is left."""
    return Call("list", "", {"meta": True}, _usage)


def length(key: str) -> Call[int]:
    """How many items the list has; `KeyNotFound` if there is none."""
    return Call("len", key, {}, _member("length"))


def range_of(key: str, start: int = 0, stop: int = -1) -> Call[list[Any]]:
    """The items from `start` to `stop`, both included; -1 is the last one."""
    return Call("range", key, {"start": start, "stop": stop}, _member("values"))


# --- whole values


def set_to(
    key: str,
    value: JSON,
    *,
    nx: bool = False,
    xx: bool = False,
    ttl: Duration | None = None,
    expires_at: Moment | None = None,
    keep_ttl: bool = False,
) -> Call[Written]:
    """Stores a value; with `nx` only if the key is new (else `KeyExists`), with `xx` only if it exists (`KeyAbsent`).

    It lives for ever unless `ttl` or `expires_at` is given; `keep_ttl` leaves the time that the key has.
    """
    flags = _given(nx=nx or None, xx=xx or None, keepttl=keep_ttl or None)
    members = {"value": value, **flags, **_lifetime(ttl, expires_at)}
    return Call("set", key, members, _written)


def add(key: str, value: JSON, *, ttl: Duration | None = None, expires_at: Moment | None = None) -> Call[bool]:
    """Stores a value if the key is new, and tells whether it was: of any number of racers one gets true."""
    members = {"value": value, "nx": True, **_lifetime(ttl, expires_at)}
    return Call("set", key, members, lambda _: True, instead={KeyExists: False})


def once(id: str, *, ttl: Duration = WEEK_SECONDS) -> Call[bool]:
    """Whether this is the first call with `id` in `ttl`, however many runs ask at once.

    It is marked, as the key `once:<id>`, before the work is done: a run that fails in between has to `forget` it, or
    nobody does the work.
    """
    return add(f"once:{id}", True, ttl=ttl)


def forget(id: str) -> Call[bool]:
    """Lets `once` be true again for `id`; tells whether it was marked."""
    return delete(f"once:{id}")


def delete(key: str, *, path: str | None = None) -> Call[bool]:
    """Removes a key, or only what `path` names in its value; tells whether there was anything."""
    return Call("delete", key, _given(path=path), _member("deleted"))


def expire(key: str, ttl: Duration | None = None, *, at: Moment | None = None) -> Call[Any]:
    """Lets a key live for `ttl`, or until `at`, and gives the time when it ends; `KeyNotFound` if there is none."""
    if (ttl is None) == (at is None):
        raise ValueError("say either ttl or at; persist() lets a key live for ever")
    return Call("expire", key, _lifetime(ttl, at), _expires)


def persist(key: str) -> Call[None]:
    """Lets a key live for ever."""
    return Call("persist", key, {}, lambda _: None)


# --- parts of values


def set_at(key: str, path: str, value: JSON) -> Call[None]:
    """Puts a value at a path, in a list too; what is missing on the way is made, the key as well."""
    return _edit(key, [{"op": "set", "path": path, "value": value}], lambda _: None)


def merge(key: str, changes: Mapping[str, JSON], *, path: str | None = None) -> Call[None]:
    """Sets the members of `changes` in an object, the whole value's or the one at `path`; None removes (RFC 7396)."""
    step = {"op": "merge", "value": changes, **_given(path=path)}
    return _edit(key, [step], lambda _: None)


def append_at(key: str, path: str, value: JSON) -> Call[int]:
    """Adds an item to the list at a path, which is made if there is none, and gives its length."""
    step = {"op": "append", "path": path, "value": value}
    return _edit(key, [step], _first_step("length"))


def incr_at(key: str, path: str, by: int = 1) -> Call[int]:
    """Adds to the integer at a path, which counts from 0 if there is none, and gives what it is now."""
    step = {"op": "incr", "path": path, "by": by}
    return _edit(key, [step], _first_step("value"))


def edit(key: str, steps: Iterable[Mapping[str, JSON]]) -> Call[list[dict[str, Any]]]:
    """Carries out up to 100 steps on a value, all or none, and gives an object for each.

    A step is `{"op": "set" | "remove" | "append" | "incr" | "merge", "path": …}`, with `value` or `by` where it
    needs one. A key that is missing is made, from `{}`.
    """
    return _edit(key, list(steps), _member("results"))


def json_patch(key: str, operations: Iterable[Mapping[str, JSON]], *, create: bool = False) -> Call[None]:
    """Carries out a JSON Patch (RFC 6902); `Conflict` if a `test` does not hold."""
    members = {"document": list(operations), "create": create}
    return Call("json_patch", key, members, lambda _: None)


def merge_patch(key: str, document: JSON, *, create: bool = False) -> Call[None]:
    """Carries out a JSON Merge Patch (RFC 7396): what is no object replaces the whole value."""
    members = {"document": document, "create": create}
    return Call("merge_patch", key, members, lambda _: None)


# --- counters


def incr(key: str, by: int = 1) -> Call[int]:
    """Adds to an integer, which counts from 0 if there is none, and gives what it is now."""
    return Call("incr", key, {"by": by}, _member("value"))


def decr(key: str, by: int = 1) -> Call[int]:
    """Takes from an integer, which counts from 0 if there is none, and gives what it is now."""
    return Call("decr", key, {"by": by}, _member("value"))


# --- plugins


def call(plugin: str, input: JSON = None) -> Call[Any]:
    """Calls a plugin, an operation of somebody's own, and gives its output; all that it does happens, or nothing.

    What it takes and gives is its own matter: `GET /v1/plugins` describes those that the service has.
    """
    return Call("call", plugin, {"input": {} if input is None else input}, _member("output"))


# --- lists


def lpush(key: str, value: JSON, *, max_len: int | None = None, ttl: Duration | None = None) -> Call[int]:
    """Adds one item at the front and gives the list's length; of more than `max_len` the last ones fall off."""
    return _push("lpush", key, value, max_len, ttl)


def rpush(key: str, value: JSON, *, max_len: int | None = None, ttl: Duration | None = None) -> Call[int]:
    """Adds one item at the back and gives the list's length; of more than `max_len` the first ones fall off."""
    return _push("rpush", key, value, max_len, ttl)


def lpop(key: str) -> Call[Any]:
    """Takes the first item; None from an empty list or no list at all."""
    return Call("lpop", key, {}, _member("value"))


def rpop(key: str) -> Call[Any]:
    """Takes the last item; None from an empty list or no list at all."""
    return Call("rpop", key, {}, _member("value"))


def lpop_many(key: str, count: int) -> Call[list[Any]]:
    """Takes up to `count` items (1 to 1000) from the front, in this order."""
    return Call("lpop", key, {"count": count}, _member("values"))


def rpop_many(key: str, count: int) -> Call[list[Any]]:
    """Takes up to `count` items (1 to 1000) from the back, the last one first."""
    return Call("rpop", key, {"count": count}, _member("values"))


def trim(key: str, start: int, stop: int = -1) -> Call[int]:
    """Keeps the items from `start` to `stop`, both included, drops the others, and gives the list's length."""
    return Call("trim", key, {"start": start, "stop": stop}, _member("length"))


def remove(key: str, value: JSON) -> Call[int]:
    """Removes the items of a list, or the members of an object, that are equal to `value`; tells how many."""
    return Call("remove", key, {"value": value}, _member("removed"))


def remove_where(key: str, field: str, equals: JSON) -> Call[int]:
    """Removes the items or members that have something equal to `equals` at the path `field`; tells how many."""
    where = {"field": field, "equals": equals}
    return Call("remove", key, {"where": where}, _member("removed"))


def prune(key: str, older_than: Duration, *, field: str | None = None) -> Call[int]:
    """Removes the items or members whose time, at the path `field` or they themselves, is longer ago; tells how many.

    A time is seconds since 1970 or a text as in RFC 3339.
    """
    members = {"older_than": milliseconds(older_than) / 1000, **_given(field=field)}
    return Call("prune", key, members, _member("removed"))


# --- leases


def claim(key: str, owner: str, ttl: Duration) -> Call[Mapping[str, Any]]:
    """Asks for a lease; `Held` if another owner has it."""
    return Call("claim", key, {"owner": owner, "ttl_ms": milliseconds(ttl)}, dict)


def renew(key: str, owner: str, ttl: Duration, fence: int) -> Call[Mapping[str, Any]]:
    """Gives a lease another time; `NotHeld` if it is over."""
    return Call("renew", key, {"owner": owner, "ttl_ms": milliseconds(ttl), "fence": fence}, dict)


def release(key: str, owner: str, fence: int) -> Call[bool]:
    """Gives a lease back; false if it was over already."""
    return Call("release", key, {"owner": owner, "fence": fence}, _member("released"), instead={NotHeld: False})


# --- batches only


def check(
    key: str,
    *,
    path: str | None = None,
    exists: bool = False,
    absent: bool = False,
    equals: Any = ...,
    version: int | None = None,
) -> Call[None]:
    """Lets the batch go on only if something is there, is not there, is equal, or if the key has a version."""
    tests = _given(exists=exists or None, absent=absent or None, version=version)
    if equals is not ...:
        tests["equals"] = equals
    if len(tests) != 1:
        raise ValueError("say exactly one of exists, absent, equals and version")
    return Call("check", key, {**tests, **_given(path=path)}, lambda _: None)


def read(key: str, *, path: str | None = None) -> Call[Any]:
    """The value, or what `path` names in it; if there is none, the whole batch is refused."""
    return Call("read", key, _given(path=path), _member("value"))


def batch(calls: Iterable[Call[Any]], if_version: int | None = None) -> Call[list[Mapping[str, Any]]]:
    """Up to 100 calls, all or none, as one new version; gives what came of each."""
    operations = [operation(call) for call in calls]
    return Call("batch", "", {"operations": operations, **_given(if_version=if_version)}, _member("results"))


def operation(call: Call[Any]) -> dict[str, Any]:
    """A call as an operation of a batch."""
    if call.if_version is not None or call.if_key_version is not None:
        raise ValueError("a batch has one if_version for all, batch(if_version=…), and check(key, version=…) for keys")
    if call.instead or call.op not in _BATCHED:
        raise ValueError(f"{call.op} is no operation of a batch")
    if call.op == "delete" and call.members:
        raise ValueError("a batch deletes whole keys: use edit(key, [{'op': 'remove', 'path': …}]) for a part of one")
    members = {name: value for name, value in call.members.items() if name != "create"}
    if call.op == "call":
        return {"op": call.op, "plugin": call.key, **members}
    return {"op": call.op, "key": call.key, **members}


_BATCHED = frozenset(
    [
        "read",
        "check",
        "set",
        "delete",
        "patch",
        "expire",
        "persist",
        "incr",
        "decr",
        "lpush",
        "rpush",
        "lpop",
        "rpop",
        "len",
        "range",
        "trim",
        "remove",
        "prune",
        "claim",
        "call",
    ]
)


# --- how answers read


def _member(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda answer: answer[name]


def _first_step(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda answer: answer["results"][0][name]


def _expires(answer: Mapping[str, Any]) -> Any:
    return time_of(answer["expires_at"])


def _written(answer: Mapping[str, Any]) -> Written:
    return Written(answer["created"], answer.get("version", 0), time_of(answer.get("expires_at")))


def _entry(answer: Mapping[str, Any]) -> Entry:
    created_at, updated_at = time_of(answer["created_at"]), time_of(answer["updated_at"])
    assert created_at is not None and updated_at is not None
    return Entry(
        key=answer["key"],
        value=answer.get("value"),
        version=answer["version"],
        key_version=answer["key_version"],
        created_at=created_at,
        updated_at=updated_at,
        expires_at=time_of(answer["expires_at"]),
        size_bytes=answer["size_bytes"],
    )


def _page(answer: Mapping[str, Any]) -> Page:
    version = answer["version"]
    entries = [_entry({**one, "version": version}) for one in answer["entries"]]
    return Page(entries, answer.get("next_cursor"), version)


def _usage(answer: Mapping[str, Any]) -> Usage:
    return Usage(
        keys=answer["count"],
        size_bytes=answer["size_bytes"],
        limit_bytes=answer["limit_bytes"],
        free_bytes=answer["free_bytes"],
        version=answer["version"],
    )


# --- how members are made


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _lifetime(ttl: Duration | None, at: Moment | None) -> dict[str, int]:
    if ttl is not None and at is not None:
        raise ValueError("say a ttl or a time when it ends, not both")
    if ttl is not None:
        return {"px": milliseconds(ttl)}
    return {} if at is None else {"exat": epoch_seconds(at)}


def _push(
    op: str,
    key: str,
    value: JSON,
    max_len: int | None,
    ttl: Duration | None,
) -> Call[int]:
    members = {"value": value, **_given(max_len=max_len), **_lifetime(ttl, None)}
    return Call(op, key, members, _member("length"))


def _edit(
    key: str,
    steps: list[Any],
    parse: Callable[[Mapping[str, Any]], T],
) -> Call[T]:
    return Call("patch", key, {"operations": steps, "create": True}, parse)
