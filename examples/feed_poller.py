#!/usr/bin/env python3
"""Polls a feed and reports each entry once: a cursor, a set of what was seen, counters, and the latest reports.

    feed_poller.py FEED.json

The feed is a file here: a list of {"id", "at", "title"}, `at` in seconds. All of a poll is one batch, so a poll that dies
half way did nothing, and one that is answered 409 or 503 is simply sent again.
"""
import json, os, sys, time, urllib.error, urllib.request

URL = os.environ["AUTOMATION_API_URL"] + "/v1/kv"
HEADERS = {"Authorization": "Bearer " + os.environ["AUTOMATION_KV_TOKEN"]}
TRIES = 5


def kv(method, path, body=None):
    """The answer; none for 404. What may pass is tried again."""
    data = None if body is None else json.dumps(body).encode()
    for left in reversed(range(TRIES)):
        try:
            request = urllib.request.Request(URL + path, data, HEADERS, method=method)
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            if error.code not in (409, 503) or not left:
                sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")
            time.sleep(0.01 * (TRIES - left))


def value(key, default):
    found = kv("GET", "/" + key)
    return found["value"] if found else default


cursor, seen = value("cursor", 0), value("seen", {})
with open(sys.argv[1]) as feed:
    entries = [entry for entry in json.load(feed) if entry["at"] >= cursor and entry["id"] not in seen]
operations = [{"op": "incr", "key": "polls"}]
for entry in entries:
    print(entry["title"])
    step = {"op": "set", "path": json.dumps([entry["id"]]), "value": entry["at"]}
    operations += [
        {"op": "patch", "key": "seen", "operations": [step]},
        {"op": "rpush", "key": "latest", "value": entry["title"], "max_len": 3},
    ]
if entries:
    newest = max(entry["at"] for entry in entries)
    operations += [
        {"op": "set", "key": "cursor", "value": newest},
        {"op": "incr", "key": "reported", "by": len(entries)},
    ]
kv("POST", "/batch", {"operations": operations})
