"""A call as a request to the engine, and what its reply says, in the words of the API. No input or output here.

The engine's vocabulary is `wit/types.wit`; here a record is a dictionary, and a case of a variant a pair. The service
does the same in `host/src/api`; tests/test_local.py holds both to the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ._calls import Call
from ._http import dump
from .errors import KVError, of_answer

Operation = tuple[str, Any]


class Asked:
    """What the engine is asked for a call, and how its answer is told."""

    def __init__(self, call: Call[Any]) -> None:
        self._call = call
        self._checks = _conditions(call)
        if call.op == "batch":
            self._items = [dict(one) for one in call.members["operations"]]
        else:
            self._items = [{"op": call.op, "key": call.key, **call.members}]
        self._operations = [_operations(item) for item in self._items]

    @property
    def request(self) -> dict[str, Any]:
        """The request, as in WIT."""
        is_batch = self._call.op == "batch"
        return {
            "operations": self._checks + [one for several in self._operations for one in several],
            "if-version": self._call.members.get("if_version") if is_batch else self._call.if_version,
            "always-bump": is_batch,
            "scope": None,
            "once": None,
        }

    def answer(self, reply: Mapping[str, Any]) -> dict[str, Any]:
        """The members of the answer that the service would give."""
        outcomes = reply["outcomes"][len(self._checks) :]
        results = []
        for item, operations in zip(self._items, self._operations):
            own, outcomes = outcomes[: len(operations)], outcomes[len(operations) :]
            results.append(_told(item, own[-1], reply))
        if self._call.op == "batch":
            return {"version": reply["version"], "results": results}
        return {"version": reply["version"], **results[0]}

    def error(self, rejection: Mapping[str, Any]) -> KVError:
        """The error that the service would answer with."""
        reason, payload = rejection["reason"]
        index = rejection["operation"] or 0
        if rejection["operation"] is not None and index < len(self._checks) and reason == "check-failed":
            actual = payload["key-version"] or 0
            return _error(
                409,
                "key_version_mismatch",
                f"key {self._call.key!r} has the version {actual}",
                actual_key_version=actual,
            )
        number = self._item_of(index - len(self._checks))
        error = _refused(reason, payload, self._items[number])
        if self._call.op != "batch" or error.code in _OF_WHOLE_REQUESTS:
            return error
        return _error(400, "operation_failed", error.message, reason=error.code, operation_index=number)

    def _item_of(self, index: int) -> int:
        """Whose operation the one with this index is."""
        for number, operations in enumerate(self._operations):
            if index < len(operations):
                return number
            index -= len(operations)
        return 0


#: Refusals that a batch gets as a single call does.
_OF_WHOLE_REQUESTS = frozenset(
    ["version_mismatch", "state_too_large", "value_too_large", "invalid_value", "invalid_request"]
)


def _conditions(call: Call[Any]) -> list[Operation]:
    if call.if_key_version is None:
        return []
    test = ("key-version", [call.if_key_version]) if call.if_key_version else ("absent", None)
    return [("check", {"key": call.key, "path": None, "test": test})]


def _operations(item: Mapping[str, Any]) -> list[Operation]:
    """What the engine is asked for an operation of a batch, or for a call that is like one."""
    op = item["op"]
    if op == "call":
        raise ValueError("the engine alone has no plugins: try them out with `automation-kv simulate --plugins`")
    key = item["key"]
    if op == "list":
        return [
            (
                "list-keys",
                {
                    "prefix": item.get("prefix", ""),
                    "limit": item.get("limit"),
                    "cursor": item.get("cursor"),
                    "values": item.get("values", False),
                },
            )
        ]
    if op == "read":
        return [("get", {"key": key, "path": item.get("path")})]
    if op == "check":
        return [("check", {"key": key, "path": item.get("path"), "test": _test(item)})]
    if op == "set":
        condition = "if-absent" if item.get("nx") else "if-present" if item.get("xx") else "always"
        expiry = ("keep", None) if item.get("keepttl") else _expiry(item, ("never", None))
        return [("set", {"key": key, "value": _text(item["value"]), "condition": condition, "expiry": expiry})]
    if op == "delete":
        if "path" not in item:
            return [("delete", key)]
        return [_edit(key, [("remove", {"at": ("path", item["path"]), "must-exist": False})], create=True)]
    if op in ("expire", "persist"):
        return [("expire", {"key": key, "expiry": _expiry(item, ("never", None))})]
    if op == "patch":
        return [_edit(key, [_step(step) for step in item["operations"]], create=True)]
    if op == "json_patch":
        return [_edit(key, [_json_patch_step(step) for step in item["document"]], create=item["create"])]
    if op == "merge_patch":
        whole = {"at": ("pointer", ""), "value": _text(item["document"])}
        kind = "merge" if isinstance(item["document"], Mapping) else "set"
        return [_edit(key, [(kind, whole)], create=item["create"])]
    if op in ("incr", "decr"):
        return [
            (op[:4].replace("incr", "increment").replace("decr", "decrement"), {"key": key, "by": _text(item["by"])})
        ]
    if op in ("lpush", "rpush"):
        return [
            (
                "push",
                {
                    "key": key,
                    "value": _text(item["value"]),
                    "end": _end(op),
                    "max-length": item.get("max_len"),
                    "expiry": _expiry(item, ("keep", None)),
                },
            )
        ]
    if op in ("lpop", "rpop"):
        return [("pop", {"key": key, "end": _end(op), "count": item.get("count", 1)})]
    if op in ("range", "trim"):
        return [(op, {"key": key, "start": item["start"], "stop": item["stop"]})]
    if op == "len":
        return [("length", key)]
    if op in ("remove", "prune"):
        return [("remove", {"key": key, "matching": _filter(item)})]
    return _lease_operations(op, key, item)


def _lease_operations(op: str, key: str, item: Mapping[str, Any]) -> list[Operation]:
    if op == "claim":
        return [("claim", {"key": key, "owner": item["owner"], "milliseconds": item["ttl_ms"]})]
    # The rest is made of general operations on the value of a lease.
    held: list[Operation] = [
        ("check", {"key": key, "path": name, "test": ("equals", _text(item[name]))}) for name in ("owner", "fence")
    ]
    if op == "renew":
        return [
            *held,
            ("expire", {"key": key, "expiry": ("after", item["ttl_ms"])}),
            ("get", {"key": key, "path": "fence"}),
        ]
    if op == "release":
        return [*held, ("delete", key)]
    raise ValueError(f"there is no operation {op!r}")


def _test(item: Mapping[str, Any]) -> tuple[str, Any]:
    if "equals" in item:
        return "equals", _text(item["equals"])
    if "version" in item:
        return ("key-version", [item["version"]]) if item["version"] else ("absent", None)
    return ("exists", None) if "exists" in item else ("absent", None)


def _expiry(item: Mapping[str, Any], otherwise: tuple[str, Any]) -> tuple[str, Any]:
    if "px" in item:
        return "after", item["px"]
    return ("at", item["exat"] * 1000) if "exat" in item else otherwise


def _end(op: str) -> str:
    return "head" if op[0] == "l" else "tail"


def _filter(item: Mapping[str, Any]) -> tuple[str, Any]:
    if "older_than" in item:
        return "older-than", {"field": item.get("field"), "milliseconds": round(item["older_than"] * 1000)}
    if "where" in item:
        return "field-equals", {"field": item["where"]["field"], "value": _text(item["where"]["equals"])}
    return "equals", _text(item["value"])


def _edit(key: str, steps: list[Any], *, create: bool) -> Operation:
    return "edit", {"key": key, "steps": steps, "create": create}


def _step(step: Mapping[str, Any]) -> tuple[str, Any]:
    at = ("path", step["path"]) if "path" in step else ("pointer", "")
    op = step.get("op")
    if op == "remove":
        return "remove", {"at": at, "must-exist": False}
    if op == "incr":
        return "increment", {"at": at, "by": _text(step.get("by", 1))}
    if op in ("set", "append", "merge"):
        return op, {"at": at, "value": _text(step["value"])}
    raise ValueError(f"a step must be one of set, remove, append, incr, merge, not {op!r}")


def _json_patch_step(step: Mapping[str, Any]) -> tuple[str, Any]:
    at = ("pointer", step["path"])
    op = step.get("op")
    if op == "remove":
        return "remove", {"at": at, "must-exist": True}
    if op in ("move", "copy"):
        return op, {"source": ("pointer", step["from"]), "destination": at}
    names = {"add": "insert", "replace": "replace", "test": "test"}
    if op in names:
        return names[op], {"at": at, "value": _text(step["value"])}
    raise ValueError(f"a JSON Patch has add, remove, replace, move, copy and test, not {op!r}")


def _told(item: Mapping[str, Any], outcome: tuple[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an answer that tell what came out."""
    kind, payload = outcome
    told = {"key": item["key"]}
    if item["op"] == "release":
        return {**told, "released": True}
    if item["op"] == "renew":
        return {**told, "fence": json.loads(payload["value"])}
    if kind == "keys":
        return _page(item, payload, reply)
    if kind == "value":
        return {**told, "value": json.loads(payload["value"]), **_attributes(payload["attributes"])}
    if kind == "stored":
        return {**told, "created": payload["created"], "expires_at": _time(payload["expires-at"])}
    if kind == "expires":
        return {**told, "expires_at": _time(payload)}
    if kind == "edited":
        results = [{**_name(step), **_effect(effect)} for step, effect in zip(item.get("operations", []), payload)]
        return {**told, "results": results, "deleted": payload[0] == ("removed", True)}
    if kind == "removed":
        return {**told, "removed": payload, "deleted": payload > 0}
    if kind == "number":
        return {**told, "value": json.loads(payload)}
    if kind == "length":
        return {**told, "length": payload}
    if kind == "items":
        values = [json.loads(one) for one in payload]
        return {**told, "values": values, "value": values[0] if values else None}
    if kind == "claimed":
        return {
            **told,
            "owner": payload["owner"],
            "fence": payload["fence"],
            "expires_at": _time(payload["expires-at"]),
        }
    return told


def _page(item: Mapping[str, Any], page: Mapping[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    entries = [{"key": one["key"], **_value(one), **_attributes(one["attributes"])} for one in page["keys"]]
    limit = reply["limit-bytes"] or None
    return {
        "keys": [one["key"] for one in entries],
        "count": len(entries),
        "values": {one["key"]: one.get("value") for one in entries},
        "entries": entries,
        "next_cursor": page["next"],
        "size_bytes": reply["size-bytes"],
        "limit_bytes": limit,
        "free_bytes": None if limit is None else max(0, limit - reply["size-bytes"]),
    }


def _value(listed: Mapping[str, Any]) -> dict[str, Any]:
    return {} if listed["value"] is None else {"value": json.loads(listed["value"])}


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key_version": attributes["key-version"],
        "size_bytes": attributes["size-bytes"],
        "created_at": _time(attributes["created-at"]),
        "updated_at": _time(attributes["updated-at"]),
        "expires_at": _time(attributes["expires-at"]),
    }


def _name(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: step[name] for name in ("op", "path") if name in step}


def _effect(effect: tuple[str, Any]) -> dict[str, Any]:
    kind, payload = effect
    if kind == "number":
        return {"value": json.loads(payload)}
    return {kind: payload} if kind in ("removed", "length") else {}


def _refused(reason: str, payload: Any, item: Mapping[str, Any]) -> KVError:
    key = item["key"]
    shown = repr(key)
    if reason == "key-not-found":
        return _error(404, "key_not_found", f"key {shown} does not exist")
    if reason == "path-not-found":
        return _error(404, "invalid_path", f"the path leads nowhere in the value of key {shown}")
    if reason == "key-exists":
        return _error(409, "key_exists", f"key {shown} already exists (nx=true)")
    if reason == "key-absent":
        return _error(409, "key_not_exists", f"key {shown} does not exist (xx=true)")
    if reason == "type-mismatch":
        return _error(400, "type_mismatch", f"the value of key {shown} is not of type {payload['expected']}")
    if reason == "version-mismatch":
        return _error(
            409,
            "version_mismatch",
            "State was modified by another process",
            expected_version=payload["expected"],
            actual_version=payload["actual"],
        )
    if reason == "check-failed":
        code = {"check": "check_failed", "renew": "not_held", "release": "not_held"}.get(item["op"], "test_failed")
        return _error(409, code, f"what was tested does not hold for key {shown}")
    if reason == "held":
        return _error(
            409,
            "held",
            f"the lease {shown} is held by {payload['owner']!r}",
            owner=payload["owner"],
            fence=payload["fence"],
            expires_at=_time(payload["expires-at"]),
        )
    if reason == "not-a-lease":
        return _error(400, "not_a_lease", f"the value of key {shown} is not a lease; claim another key")
    if reason in ("too-large", "value-too-large"):
        return _too_large(reason, payload)
    if reason == "invalid-argument":
        return _error(422, "invalid_request", f"{payload['name']}: {payload['message']}")
    return _error(400, reason.replace("-", "_"), str(payload))


def _too_large(reason: str, payload: Mapping[str, Any]) -> KVError:
    sizes = {name.replace("-", "_"): number for name, number in payload.items()}
    if reason == "value-too-large":
        code, what = "value_too_large", "Value"
    else:
        code, what = "state_too_large", "State"
        sizes["current_size_bytes"] = sizes.pop("current_bytes")
        sizes["free_bytes"] = max(0, sizes["limit_bytes"] - sizes["current_size_bytes"])
    message = f"{what} size ({sizes['size_bytes']} bytes) exceeds limit ({sizes['limit_bytes']} bytes)"
    return _error(413, code, message, **sizes)


def _error(status: int, code: str, message: str, **members: Any) -> KVError:
    return of_answer(status, {"error": code, "message": message, **members}, {})


def _text(value: Any) -> str:
    return dump(value).decode()


def _time(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds")
