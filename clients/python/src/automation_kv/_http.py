"""A call as an HTTP request, and what an answer says. No input or output here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from ._calls import Call

#: What a `PUT` takes in its query; the body is the value alone.
_PUT_QUERY = ("nx", "xx", "px", "exat", "keepttl")

_CONTENT_TYPES = {"json_patch": "application/json-patch+json", "merge_patch": "application/merge-patch+json"}


class Request(NamedTuple):
    """What is sent; `target` follows the base URL."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


class Answer(NamedTuple):
    """What came back; the names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def members(self) -> Mapping[str, Any]:
        """The members of the object that it is; none if it is something else, as a proxy's own pages are."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


def dump(value: Any) -> bytes:
    """A value as compact JSON; `TypeError` or `ValueError` for what JSON has no word for."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def request_of(call: Call[Any], token: str, idempotency_key: str) -> Request:
    """The request that a call is."""
    method, path, query, body = _route(call)
    conditions = {"if_version": call.if_version, "if_key_version": call.if_key_version}
    query = {**query, **{name: number for name, number in conditions.items() if number is not None}}
    target = ("/v1/plugins" if call.op == "call" else "/v1/kv") + path
    if query:
        target += "?" + urlencode({name: _text(value) for name, value in query.items()})
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = _CONTENT_TYPES.get(call.op, "application/json")
    if call.writes:
        headers["Idempotency-Key"] = idempotency_key
    return Request(method, target, headers, body)


def _route(call: Call[Any]) -> tuple[str, str, dict[str, Any], bytes | None]:
    members = dict(call.members)
    if call.op == "list":
        return "GET", "", members, None
    if call.op == "batch":
        return "POST", "/batch", {}, dump(members)
    path = "/" + (quote(call.key, safe="") if call.key.strip(".") else call.key.replace(".", "%2E"))
    if call.op == "read":
        return "GET", path, members, None
    if call.op in ("len", "range"):
        return "GET", f"{path}/{call.op}", members, None
    if call.op == "set":
        value = members.pop("value")
        return "PUT", path, {name: members[name] for name in _PUT_QUERY if name in members}, dump(value)
    if call.op == "delete":
        return "DELETE", path, members, None
    if call.op in ("patch", "json_patch", "merge_patch"):
        query = {"create": True} if members.pop("create") else {}
        return "PATCH", path, query, dump(members.get("document", members))
    if call.op == "call":
        return "POST", path, {}, dump(members["input"])
    return "POST", f"{path}/{call.op}", {}, dump(members)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
