/** Races, refused requests and lost answers: nothing is lost, nothing happens twice, nobody wins twice. */

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { after, before, test } from "node:test";

import { Busy, Held, KV, OutcomeUnknown, Unavailable, VersionMismatch } from "automation-kv";

import { knob, refusal, start, token, unreliable } from "./service.js";

const PROCESSES = 16;
const INCREMENTS = knob("INCREMENTS", 100);
const ROUNDS = knob("ROUNDS", 500);

let service;
before(async () => {
  service = await start();
});
after(() => service.stop());

test("sixteen processes count exactly", async () => {
  const automation = randomUUID();
  const worker = new URL("./increments.js", import.meta.url);
  const ends = Array.from({ length: PROCESSES }, () => {
    const child = fork(worker, [service.url, token(automation), String(INCREMENTS)]);
    return new Promise((resolve) => child.on("exit", resolve));
  });
  assert.deepEqual(await Promise.all(ends), Array(PROCESSES).fill(0));
  assert.equal(await service.kv(automation).get("n"), PROCESSES * INCREMENTS);
});

test("of sixteen racers on a fresh automation one wins each round", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const kv = service.kv();
    const racers = Array.from({ length: 16 }, async () => {
      try {
        await kv.lease("leader", { ttlMs: 60_000 }).acquire();
        return 1;
      } catch (error) {
        if (error instanceof Held) return 0;
        throw error;
      }
    });
    const wins = await Promise.all(racers);
    assert.equal(wins.reduce((sum, win) => sum + win), 1, `round ${round}`);
  }
});

test("a change that lost runs again on what is there now", async () => {
  const kv = service.kv();
  const starts = [];
  const result = await kv.txn(
    "n",
    async (n) => {
      starts.push(n);
      if (starts.length < 3) await kv.incr("n", 100);
      return n + 1;
    },
    { default: 0 },
  );
  assert.deepEqual([result, starts, await kv.get("n")], [201, [0, 100, 200], 201]);
});

test("a change that was refused reads again before it is written", async () => {
  const automation = randomUUID();
  const others = service.kv(automation);
  await others.set("n", 0);
  let writes = 0;
  const fetch = async (...request) => {
    if (request[1].method !== "PUT") return globalThis.fetch(...request);
    writes += 1;
    if (writes === 1) {
      // More than the service remembers: by the first read nobody could tell what became of the second write.
      for (let write = 0; write < 150; write += 1) await others.incr("others");
      return refusal();
    }
    if (writes === 2) {
      await others.incr("n");
      throw new TypeError("fetch failed");
    }
    return globalThis.fetch(...request);
  };
  assert.equal(await service.kv(automation, { fetch }).txn("n", (n) => n + 1), 2);
});

test("a gateway's 503 for a change that the service has made does not make it twice", async () => {
  const automation = randomUUID();
  let writes = 0;
  const fetch = async (...request) => {
    const response = await globalThis.fetch(...request);
    if (request[1].method !== "PUT") return response;
    writes += 1;
    return writes === 1 ? new Response("no healthy upstream", { status: 503 }) : response;
  };
  assert.equal(await service.kv(automation, { fetch }).txn("n", (n) => n + 1, { default: 0 }), 1);
  assert.equal(await service.kv(automation).get("n"), 1);
  assert.equal(writes, 2);
});

test("a change whose outcome is uncertain at the end of its time is told as unknown", async () => {
  const automation = randomUUID();
  const others = service.kv(automation);
  await others.set("n", 0);
  let isLost = false;
  const fetch = async (...request) => {
    if (request[1].method === "PUT" && !isLost) {
      isLost = true;
      await others.incr("n");
      throw new TypeError("fetch failed");
    }
    if (request[1].method === "GET" && isLost) return refusal(30);
    return globalThis.fetch(...request);
  };
  const change = service.kv(automation, { fetch, timeoutMs: 1_000 }).txn("n", (n) => n + 1);
  await assert.rejects(change, OutcomeUnknown);
});

test("txn leaves the time to live alone unless told", async () => {
  const kv = service.kv();
  const { expiresAt } = await kv.set("n", 1, { ttlMs: 60_000 });
  await kv.txn("n", (n) => n + 1);
  assert.deepEqual((await kv.entry("n")).expiresAt, expiresAt);
  await kv.txn("n", (n) => n + 1, { ttlMs: 3_600_000 });
  assert.ok((await kv.entry("n")).expiresAt > expiresAt);
});

test("txn gives up when its time is over", async () => {
  const kv = service.kv(undefined, { timeoutMs: 300 });
  await assert.rejects(kv.txn("n", async () => kv.incr("n"), { default: 0 }), VersionMismatch);
});

test("counts stay exact with refused requests and lost answers", async () => {
  const automation = randomUUID();
  const fetch = unreliable({ busy: 0.2, lost: 0.05 });
  const workers = Array.from({ length: 16 }, async () => {
    const kv = service.kv(automation, { fetch, timeoutMs: 120_000 });
    for (let round = 0; round < 20; round += 1) {
      await kv.txn("t", (n) => n + 1, { default: 0 });
      await kv.incr("n");
      await kv.rpush("l", null);
    }
  });
  await Promise.all(workers);
  const kv = service.kv(automation);
  assert.deepEqual([await kv.get("t"), await kv.get("n"), await kv.length("l")], [320, 320, 320]);
  assert.ok(fetch.refused > 0 && fetch.swallowed > 0);
});

test("all attempts at a write have one idempotency key", async () => {
  const fetch = unreliable({ lost: 0.5 });
  const kv = service.kv(undefined, { fetch });
  while (fetch.swallowed === 0) {
    fetch.requests.length = 0;
    await kv.incr("n");
  }
  const keys = fetch.requests.map(([, { headers }]) => headers["Idempotency-Key"]);
  assert.ok(keys.length > 1 && new Set(keys).size === 1 && keys[0].length > 16);
});

test("a refused call waits as long as the service says", async () => {
  const fetch = unreliable({ busy: 1, retryAfter: 1 });
  const begun = performance.now();
  await assert.rejects(service.kv(undefined, { fetch, timeoutMs: 2_000 }).incr("n"), Busy);
  assert.equal(fetch.requests.length, 2);
  assert.ok(performance.now() - begun > 900);
});

test("a write whose answers all get lost is told as unknown, a read is not", async () => {
  const automation = randomUUID();
  const kv = service.kv(automation, { fetch: unreliable({ lost: 1 }), timeoutMs: 400 });
  await assert.rejects(kv.incr("n"), OutcomeUnknown);
  assert.equal(await service.kv(automation).get("n"), 1);
  await assert.rejects(kv.get("n"), (error) => error instanceof Unavailable && !(error instanceof OutcomeUnknown));
});

test("a service that never answers is given up on", async () => {
  const silent = createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${silent.address().port}`;
  const begun = performance.now();
  await assert.rejects(new KV({ url, token: "x", timeoutMs: 600, attemptTimeoutMs: 200 }).incr("n"), OutcomeUnknown);
  assert.ok(performance.now() - begun < 5_000);
  silent.close();
});
