#!/usr/bin/env python3
"""What slack_listener.py does, with the Python client: claim a message, tell the status, mark it as seen, forget old ones.

Messages come on stdin, one a line: an id, a blank, a text. The platform sets the environment.
"""
import json
import sys
import time
from datetime import timedelta

from automation_kv import KV, Held

kv = KV()
for line in sys.stdin:
    message, text = line.rstrip("\n").split(" ", 1)
    place = json.dumps([message])
    try:
        with kv.claim(f"lease:{message}", ttl=60) as lease:
            # Asked under the lease: whoever had it before has marked the message, or has not handled it.
            if kv.get("seen", path=place) is not None:
                continue
            kv.set("status", {"message": message, "state": "working", "fence": lease.fence})
            print(text, flush=True)  # the work, whatever it is
            lease.check()
            with kv.batch() as batch:
                batch.set_at("seen", place, time.time())
                batch.merge("status", {"state": "done"})
    except Held:
        continue
kv.prune("seen", timedelta(days=7))
