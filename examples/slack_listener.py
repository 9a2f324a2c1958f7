#!/usr/bin/env python3
"""Handles each message once, however many runs overlap, and never reads state only to write it back.

Messages come on stdin, one a line: an id, a blank, a text. The platform sets the two environment variables.
"""
import json, os, sys, time, urllib.error, urllib.request, uuid

URL = os.environ["AUTOMATION_API_URL"] + "/v1/kv/batch"
HEADERS = {"Authorization": "Bearer " + os.environ["AUTOMATION_KV_TOKEN"]}
RUN = str(uuid.uuid4())


def kv(*operations):
    """All operations in one step; false if one of them found what it must not."""
    body = json.dumps({"operations": operations}).encode()
    try:
        return urllib.request.urlopen(urllib.request.Request(URL, body, HEADERS)).status == 200
    except urllib.error.HTTPError as error:
        return False if error.code == 400 else sys.exit(error.read().decode())


for message, text in (line.rstrip("\n").split(" ", 1) for line in sys.stdin):
    lease, path = {"key": "lease:" + message, "owner": RUN}, json.dumps([message])
    unseen = {"op": "check", "key": "seen", "path": path, "absent": True}
    if kv(unseen, {"op": "claim", "ttl_ms": 60_000, **lease}):
        print(text, flush=True)  # the work, whatever it is
        seen = {"op": "set", "path": path, "value": time.time()}
        kv({"op": "patch", "key": "seen", "operations": [seen]}, {"op": "release", **lease})
kv({"op": "prune", "key": "seen", "older_than": 7 * 86_400})
