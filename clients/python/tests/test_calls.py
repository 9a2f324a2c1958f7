"""Every call, with the service and with the local engine: the same results, the same errors."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from automation_kv import (
    JSON,
    KV,
    BadRequest,
    BatchFailed,
    CheckFailed,
    Conflict,
    KeyAbsent,
    KeyExists,
    KeyNotFound,
    KVError,
    NotHeld,
    PathNotFound,
    TooLarge,
    TypeMismatch,
    VersionMismatch,
)

from .service import PLUGINS, Service


def test_a_value_comes_back_as_it_was_stored(kv: KV) -> None:
    values: list[JSON] = [None, True, 0, 12345678901234567890123, 1.5, "zwölf", [1, [2]], {"b": {"a": None}}]
    for value in values:
        kv["key"] = value
        assert kv["key"] == value


def test_the_client_is_a_mapping(kv: KV) -> None:
    assert len(kv) == 0 and kv
    kv["b"], kv["a"] = 1, 2
    assert list(kv) == ["b", "a"] and "a" in kv and 7 not in kv
    del kv["a"]
    with pytest.raises(KeyError):
        del kv["a"]
    with pytest.raises(KeyError):
        kv["a"]


def test_keys_may_hold_anything_that_a_path_may_not(kv: KV) -> None:
    for key in ["a/b", "a b", "%2F", "?x=1", "ü#", ".."]:
        kv[key] = key
        assert kv[key] == key
    assert kv.keys() == ["a/b", "a b", "%2F", "?x=1", "ü#", ".."]


def test_get_gives_the_default_where_there_is_nothing(kv: KV) -> None:
    kv["config"] = {"a.b": [1, {"c": 2}]}
    assert kv.get("config", path='["a.b"][1].c') == 2
    assert kv.get("config", "none", path="x") == "none"
    assert kv.get("missing") is None and kv.get("missing", 5) == 5
    with pytest.raises(BadRequest, match="unclosed bracket"):
        kv.get("config", path="a[")


def test_an_entry_tells_what_is_known_of_a_key(kv: KV) -> None:
    assert kv.entry("key") is None
    written = kv.set("key", "value", ttl=timedelta(minutes=1))
    entry = kv.entry("key")
    assert entry is not None and entry.expires_at is not None
    assert (entry.key, entry.value, entry.version, entry.key_version) == ("key", "value", 1, 1)
    assert written.created and written.version == 1 and written.expires_at == entry.expires_at
    assert timedelta(seconds=50) < entry.expires_at - datetime.now(timezone.utc) <= timedelta(minutes=1)
    assert entry.created_at == entry.updated_at and entry.size_bytes == len('"key":"value",')


def test_set_heeds_its_conditions(kv: KV) -> None:
    with pytest.raises(KeyAbsent):
        kv.set("key", 1, xx=True)
    assert kv.set("key", 1, nx=True).created
    with pytest.raises(KeyExists):
        kv.set("key", 2, nx=True)
    assert not kv.set("key", 3, xx=True).created
    assert not kv.add("key", 4) and kv.add("other", 4)
    assert kv.items() == {"key": 3, "other": 4}


def test_once_is_true_once_and_again_after_forget(kv: KV) -> None:
    assert [kv.once("id"), kv.once("id"), kv.once("other")] == [True, False, True]
    assert kv.forget("id") and not kv.forget("id")
    assert kv.once("id", ttl=0.05)
    time.sleep(0.1)
    assert kv.once("id")


def test_times_to_live_are_set_kept_and_taken_away(kv: KV) -> None:
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    assert kv.set("key", 1, expires_at=end).expires_at == end
    assert kv.set("key", 2, keep_ttl=True).expires_at == end
    assert kv.set("key", 3).expires_at is None
    assert kv.expire("key", at=end) == end
    kv.persist("key")
    entry = kv.entry("key")
    assert entry is not None and entry.expires_at is None
    with pytest.raises(KeyNotFound):
        kv.expire("missing", 60)
    with pytest.raises(ValueError, match="ttl"):
        kv.expire("key")
    with pytest.raises(ValueError, match="ttl"):
        kv.set("key", 1, ttl=1, expires_at=end)
    with pytest.raises(ValueError, match="time zone"):
        kv.expire("key", at=datetime(2100, 1, 1))


def test_parts_of_a_value_change_in_place(kv: KV) -> None:
    kv.set_at("doc", "a.b", 1)
    assert kv.incr_at("doc", "a.b", 5) == 6
    assert kv.append_at("doc", "log", "x") == 1
    kv.set_at("doc", "log[0]", "y")
    kv.merge("doc", {"a": {"b": None, "c": True}})
    kv.merge("doc", {"d": 1}, path="a")
    assert kv["doc"] == {"a": {"c": True, "d": 1}, "log": ["y"]}
    steps = kv.edit("doc", [{"op": "remove", "path": "a"}, {"op": "incr", "path": "n", "by": -2}])
    assert steps == [{"op": "remove", "path": "a", "removed": True}, {"op": "incr", "path": "n", "value": -2}]
    assert kv.delete("doc", path="log") and not kv.delete("doc", path="log")
    assert kv["doc"] == {"n": -2}


def test_patch_documents_of_the_standards_work(kv: KV) -> None:
    kv["doc"] = {"a": [1], "b": 2}
    kv.json_patch(
        "doc",
        [
            {"op": "test", "path": "/b", "value": 2},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "move", "from": "/b", "path": "/c"},
            {"op": "copy", "from": "/c", "path": "/d"},
            {"op": "replace", "path": "/c", "value": 0},
            {"op": "remove", "path": "/d"},
        ],
    )
    assert kv["doc"] == {"a": [1, 3], "c": 0}
    with pytest.raises(Conflict, match="test_failed"):
        kv.json_patch("doc", [{"op": "test", "path": "/c", "value": 1}])
    with pytest.raises(PathNotFound):
        kv.json_patch("doc", [{"op": "remove", "path": "/x"}])
    kv.merge_patch("doc", {"c": None})
    assert kv["doc"] == {"a": [1, 3]}
    with pytest.raises(KeyNotFound):
        kv.merge_patch("missing", {})
    kv.merge_patch("new", {"x": 1}, create=True)
    assert kv["new"] == {"x": 1}


def test_counters_count(kv: KV) -> None:
    assert [kv.incr("n"), kv.incr("n", 10**30), kv.decr("n", 2), kv.decr("m")] == [1, 10**30 + 1, 10**30 - 1, -1]
    kv["text"] = "x"
    with pytest.raises(TypeMismatch):
        kv.incr("text")


def test_lists_are_pushed_popped_read_and_trimmed(kv: KV) -> None:
    assert [kv.rpush("l", 1), kv.rpush("l", [2]), kv.lpush("l", 0), kv.rpush("l", 3, max_len=3)] == [1, 2, 3, 3]
    assert kv.range("l") == [1, [2], 3] and kv.range("l", -1) == [3] and kv.length("l") == 3
    assert kv.trim("l", 1) == 2
    assert (kv.lpop("l"), kv.rpop("l"), kv.lpop("l"), kv.rpop("missing")) == ([2], 3, None, None)
    for number in range(4):
        kv.rpush("l", number, ttl=60)
    assert kv.lpop_many("l", 2) == [0, 1] and kv.rpop_many("l", 9) == [3, 2] and kv.lpop_many("l", 1) == []
    with pytest.raises(KeyNotFound):
        kv.length("missing")


def test_what_matches_is_removed(kv: KV) -> None:
    now = time.time()
    kv["seen"] = {"old": now - 100, "new": now}
    assert kv.prune("seen", timedelta(seconds=50)) == 1 and list(kv["seen"]) == ["new"]
    kv["jobs"] = [{"id": 1, "at": now - 100}, {"id": 2, "at": now}]
    assert kv.prune("jobs", 50, field="at") == 1
    assert kv.remove_where("jobs", "id", 2) == 1 and kv["jobs"] == []
    kv["tags"] = ["a", "b", "a"]
    assert kv.remove("tags", "a") == 2 and kv["tags"] == ["b"]


def test_keys_are_listed_by_prefix_and_by_page(kv: KV) -> None:
    for number in range(5):
        kv[f"job:{number}"] = number
    kv["other"] = None
    assert kv.keys("job:") == [f"job:{number}" for number in range(5)]
    assert kv.items("job:1") == {"job:1": 1}
    first = kv.page("job:", limit=3, values=True)
    second = kv.page("job:", limit=3, cursor=first.next_cursor)
    assert [entry.value for entry in first.entries] == [0, 1, 2] and first.version == 6
    assert [entry.key for entry in second.entries] == ["job:3", "job:4"] and second.next_cursor is None
    usage = kv.usage()
    assert (usage.keys, usage.version, usage.limit_bytes) == (6, 6, 65_536)
    assert usage.free_bytes == 65_536 - usage.size_bytes


def test_a_write_heeds_the_version_that_it_is_for(kv: KV) -> None:
    kv["a"] = 1
    kv["b"] = 2
    kv.if_version(2).incr("a")
    with pytest.raises(VersionMismatch) as mismatch:
        kv.if_version(2).delete("a")
    assert mismatch.value.actual == 3
    kv.if_key_version(2).set("b", 3)
    kv.if_key_version(0).rpush("new", 1)
    with pytest.raises(VersionMismatch) as mismatch:
        kv.if_key_version(2).set("b", 4)
    assert mismatch.value.actual == 4
    assert kv.items() == {"a": 2, "b": 3, "new": [1]}


def test_a_batch_happens_as_one_and_gives_results(kv: KV) -> None:
    kv["config"] = {"limit": 3}
    with kv.batch() as batch:
        batch.check("config", path="limit", equals=3)
        batch.check("new", absent=True)
        batch.check("config", version=1)
        limit = batch.read("config", path="limit")
        runs = batch.incr("runs", 2)
        log = batch.rpush("log", "x", max_len=10)
        stored = batch.set("until", 1, ttl=60)
        lease = batch.claim("leader", "me", 60)
        edited = batch.edit("config", [{"op": "incr", "path": "limit"}])
        deleted = batch.delete("missing")
        with pytest.raises(RuntimeError):
            _ = runs.value
    assert (limit.value, runs.value, log.value, stored.value.created, deleted.value) == (3, 2, 1, True, False)
    assert lease.value["fence"] == 2 and edited.value[0]["value"] == 4
    assert kv.usage().version == 2


@pytest.mark.skipif(not PLUGINS, reason="AUTOMATION_KV_TEST_PLUGINS names no folder of plugins")
def test_a_plugin_is_called_alone_and_in_a_batch(service: Service) -> None:
    limit: JSON = {"key": "calls", "limit": 2, "window_ms": 60_000}
    with service.kv() as kv:
        assert kv.call("rate-limiter", limit)["remaining"] == 1
        with kv.batch() as batch:
            limited = batch.call("rate-limiter", limit)
            runs = batch.incr("runs")
        assert (limited.value["remaining"], runs.value) == (0, 1)
        assert kv.call("rate-limiter", limit)["allowed"] is False
        with pytest.raises(BadRequest):
            kv.call("rate-limiter", {"key": "calls"})
        with pytest.raises(KVError) as unknown:
            kv.call("no-such-plugin")
        assert unknown.value.code == "plugin_not_found"


def test_the_engine_alone_has_no_plugins(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no plugins"):
        KV.local(tmp_path / "state.kv").call("rate-limiter")


def test_a_batch_that_is_refused_changes_nothing(kv: KV) -> None:
    kv["text"] = "x"
    with pytest.raises(BatchFailed) as failed, kv.batch() as batch:
        batch.set("a", 1)
        batch.incr("text")
    assert (failed.value.reason, failed.value.operation_index) == ("type_mismatch", 1)
    with pytest.raises(CheckFailed) as check, kv.batch() as batch:
        batch.check("text", exists=True)
        batch.check("text", absent=True)
    assert check.value.operation_index == 1 and isinstance(check.value, Conflict)
    with pytest.raises(VersionMismatch), kv.batch(if_version=9) as batch:
        batch.set("a", 1)
    with pytest.raises(KeyError), kv.batch() as batch:
        batch.set("a", 1)
        raise KeyError("an error of the caller's own")
    assert kv.keys() == ["text"]


def test_a_batch_refuses_at_once_what_it_cannot_hold(kv: KV) -> None:
    batch = kv.batch()
    with pytest.raises(ValueError, match="edit"):
        batch.delete("a", path="b")
    with pytest.raises(ValueError, match="exactly one"):
        batch.check("a", exists=True, version=1)
    batch.send()
    assert kv.usage().version == 0


def test_what_is_too_large_says_how_much_room_is_left(kv: KV) -> None:
    kv["small"] = "x"
    with pytest.raises(TooLarge, match="bytes are free") as refused:
        kv["big"] = "x" * 70_000
    assert refused.value.limit_bytes == 65_536 and refused.value.size_bytes > 70_000
    assert refused.value.free_bytes == kv.usage().free_bytes


def test_what_json_has_no_word_for_is_refused_here(kv: KV) -> None:
    with pytest.raises(ValueError, match="JSON"):
        kv["x"] = float("nan")
    with pytest.raises(TypeError):
        kv["x"] = object()  # type: ignore[assignment]
    assert kv.keys() == []


def test_keys_that_break_a_rule_are_refused(kv: KV) -> None:
    for key in ["$x", " ", "a\nb", "x" * 256]:
        with pytest.raises(BadRequest, match="invalid_key"):
            kv[key] = 1


def test_a_lease_is_held_renewed_and_released_by_its_owner_only(kv: KV) -> None:
    lease = kv.claim("leader", 30, owner="me").acquire()
    lease.renew()
    assert kv["leader"] == {"owner": "me", "fence": lease.fence}
    assert lease.release() and not lease.release()
    with pytest.raises(NotHeld):
        lease.renew()
    kv["text"] = "x"
    with pytest.raises(KVError, match="not_a_lease"):
        kv.claim("text", 30).acquire()


def test_methods_document_themselves(kv: KV) -> None:
    assert kv.incr.__name__ == "incr" and "integer" in (kv.incr.__doc__ or "")
    assert kv.set.__name__ == "set" and KV.set.__doc__ == kv.set.__doc__
