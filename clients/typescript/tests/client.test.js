/** Every call, against the running service. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import * as automationKV from "automation-kv";

import { plugins, start, token } from "./service.js";

const { KV } = automationKV;
let service;
before(async () => {
  service = await start();
});
after(() => service.stop());

/** The kind of error that `rejects` looks for. */
const kind = (name) => (error) => error instanceof automationKV[name];

test("a value comes back as it was stored", async () => {
  const kv = service.kv();
  for (const value of [null, true, 0, 1.5, "zwölf", [1, [2]], { b: { a: null } }]) {
    await kv.set("key", value);
    assert.deepEqual(await kv.get("key"), value);
  }
  await assert.rejects(kv.set("key", undefined), /no JSON/);
});

test("keys may hold anything that a path may not", async () => {
  const kv = service.kv();
  const keys = ["a/b", "a b", "%2F", "?x=1", "ü#", "..."];
  for (const key of keys) {
    await kv.set(key, key);
    assert.equal(await kv.get(key), key);
  }
  assert.deepEqual(await kv.keys(), keys);
  await assert.rejects(kv.get(".."), /cannot stand in a URL/);
});

test("where there is nothing, get gives undefined", async () => {
  const kv = service.kv();
  await kv.set("config", { "a.b": [1, { c: 2 }] });
  assert.equal(await kv.get("config", { path: '["a.b"][1].c' }), 2);
  assert.equal(await kv.get("config", { path: "x" }), undefined);
  assert.equal(await kv.get("missing"), undefined);
  await assert.rejects(kv.get("config", { path: "a[" }), kind("BadRequest"));
});

test("an entry tells what is known of a key", async () => {
  const kv = service.kv();
  assert.equal(await kv.entry("key"), undefined);
  const written = await kv.set("key", "value", { ttlMs: 60_000 });
  const entry = await kv.entry("key");
  assert.deepEqual([entry.value, entry.version, entry.keyVersion, written.created], ["value", 1, 1, true]);
  assert.equal(entry.expiresAt.getTime(), written.expiresAt.getTime());
});

test("a plugin is called alone and in a batch", { skip: plugins.length === 0 && "no folder of plugins" }, async () => {
  const kv = service.kv();
  const limit = { key: "calls", limit: 2, window_ms: 60_000 };
  assert.equal((await kv.call("rate-limiter", limit)).remaining, 1);
  const batch = kv.batch();
  const limited = batch.call("rate-limiter", limit);
  const runs = batch.incr("runs");
  await batch.send();
  assert.deepEqual([limited.value.remaining, runs.value], [0, 1]);
  assert.equal((await kv.call("rate-limiter", limit)).allowed, false);
  await assert.rejects(kv.call("rate-limiter", { key: "calls" }), kind("BadRequest"));
  await assert.rejects(kv.call("no-such-plugin"), (error) => error.code === "plugin_not_found");
});

test("set heeds its conditions", async () => {
  const kv = service.kv();
  await assert.rejects(kv.set("key", 1, { xx: true }), kind("KeyAbsent"));
  await kv.set("key", 1, { nx: true });
  await assert.rejects(kv.set("key", 2, { nx: true }), kind("KeyExists"));
  assert.deepEqual([await kv.add("key", 3), await kv.add("other", 3)], [false, true]);
  assert.deepEqual([...(await kv.items())], [["key", 1], ["other", 3]]);
});

test("once is true once, and again after forget", async () => {
  const kv = service.kv();
  assert.deepEqual([await kv.once("id"), await kv.once("id"), await kv.once("other")], [true, false, true]);
  assert.equal(await kv.forget("id"), true);
  assert.equal(await kv.once("id"), true);
});

test("times to live are set, kept and taken away", async () => {
  const kv = service.kv();
  const end = new Date((Math.floor(Date.now() / 1000) + 3600) * 1000);
  assert.deepEqual((await kv.set("key", 1, { expiresAt: end })).expiresAt, end);
  assert.deepEqual((await kv.set("key", 2, { keepTtl: true })).expiresAt, end);
  await kv.persist("key");
  assert.equal((await kv.entry("key")).expiresAt, undefined);
  assert.deepEqual(await kv.expire("key", { expiresAt: end }), end);
  await assert.rejects(kv.set("key", 1, { ttlMs: 1, expiresAt: end }), /not both/);
});

test("parts of a value change in place", async () => {
  const kv = service.kv();
  await kv.setAt("doc", "a.b", 1);
  assert.equal(await kv.incrAt("doc", "a.b", 5), 6);
  assert.equal(await kv.appendAt("doc", "log", "x"), 1);
  await kv.merge("doc", { a: { b: null, c: true } });
  await kv.merge("doc", { d: 1 }, { path: "a" });
  assert.deepEqual(await kv.get("doc"), { a: { c: true, d: 1 }, log: ["x"] });
  const results = await kv.edit("doc", [{ op: "remove", path: "a" }, { op: "incr", path: "n", by: -2 }]);
  assert.deepEqual([results[0].removed, results[1].value], [true, -2]);
  assert.deepEqual([await kv.delete("doc", { path: "log" }), await kv.get("doc")], [true, { n: -2 }]);
  await kv.jsonPatch("doc", [{ op: "add", path: "/m", value: [1] }]);
  await assert.rejects(kv.jsonPatch("doc", [{ op: "test", path: "/n", value: 0 }]), kind("Conflict"));
  await kv.mergePatch("doc", { n: null });
  assert.deepEqual(await kv.get("doc"), { m: [1] });
  await kv.mergePatch("new", { x: 1 }, { create: true });
});

test("counters and lists", async () => {
  const kv = service.kv();
  assert.deepEqual([await kv.incr("n"), await kv.incr("n", 5), await kv.decr("n", 2)], [1, 6, 4]);
  assert.deepEqual([await kv.rpush("l", 1), await kv.lpush("l", 0)], [1, 2]);
  assert.equal(await kv.rpush("l", 2, { maxLength: 2 }), 2);
  assert.deepEqual([await kv.range("l"), await kv.length("l")], [[1, 2], 2]);
  assert.deepEqual([await kv.lpop("l"), await kv.rpop("l"), await kv.lpop("l")], [1, 2, null]);
  for (const number of [0, 1, 2, 3, 4]) await kv.rpush("l", number, { ttlMs: 60_000 });
  assert.deepEqual([await kv.lpopMany("l", 2), await kv.rpopMany("l", 1), await kv.trim("l", 1)], [[0, 1], [4], 1]);
  await kv.set("text", "x");
  await assert.rejects(kv.incr("text"), kind("TypeMismatch"));
});

test("what matches is removed", async () => {
  const kv = service.kv();
  const now = Date.now() / 1000;
  await kv.set("seen", { old: now - 100, recent: now });
  assert.equal(await kv.prune("seen", 50_000), 1);
  await kv.set("jobs", [{ id: 1, at: now - 100 }, { id: 2, at: now }, "x"]);
  assert.equal(await kv.prune("jobs", 50_000, { field: "at" }), 1);
  assert.deepEqual([await kv.removeWhere("jobs", "id", 2), await kv.remove("jobs", "x")], [1, 1]);
});

test("keys are listed by prefix and by page", async () => {
  const kv = service.kv();
  for (let number = 0; number < 5; number += 1) await kv.set(`job:${number}`, number);
  const first = await kv.page({ prefix: "job:", limit: 3, values: true });
  const second = await kv.page({ prefix: "job:", limit: 3, cursor: first.nextCursor });
  assert.deepEqual(first.entries.map(({ value }) => value), [0, 1, 2]);
  assert.deepEqual([second.entries.length, second.nextCursor], [2, undefined]);
  const usage = await kv.usage();
  assert.deepEqual([usage.keys, usage.version, usage.limitBytes - usage.freeBytes], [5, 5, usage.sizeBytes]);
});

test("a write heeds the version that it is for", async () => {
  const kv = service.kv();
  await kv.set("a", 1);
  await kv.ifVersion(1).incr("a");
  await assert.rejects(kv.ifVersion(1).delete("a"), (error) => kind("VersionMismatch")(error) && error.actual === 2);
  await kv.ifKeyVersion(0).set("b", 1);
  await assert.rejects(kv.ifKeyVersion(1).set("a", 5), kind("VersionMismatch"));
});

test("a batch happens as one and gives results", async () => {
  const kv = service.kv();
  await kv.set("config", { limit: 3 });
  const batch = kv.batch({ ifVersion: 1 });
  batch.check("config", { path: "limit", equals: 3 });
  const limit = batch.read("config", { path: "limit" });
  const runs = batch.incr("runs", 2);
  const lease = batch.claim("leader", "me", 60_000);
  assert.throws(() => runs.value, /not sent/);
  await batch.send();
  assert.deepEqual([limit.value, runs.value, lease.value.fence], [3, 2, 2]);
  assert.throws(() => kv.batch().delete("a", { path: "b" }), /edit/);
});

test("a batch that is refused changes nothing", async () => {
  const kv = service.kv();
  await kv.set("text", "x");
  const batch = kv.batch();
  batch.set("a", 1);
  batch.incr("text");
  await assert.rejects(batch.send(), (error) => error.reason === "type_mismatch" && error.operationIndex === 1);
  assert.deepEqual(await kv.keys(), ["text"]);
});

test("what is too large says how much room is left", async () => {
  const kv = service.kv();
  await assert.rejects(
    kv.set("big", "x".repeat(70_000)),
    (error) => kind("TooLarge")(error) && error.freeBytes > 65_000 && /bytes are free/.test(error.message),
  );
});

test("a cursor is moved by one at a time", async () => {
  const kv = service.kv();
  const [first, second] = [await kv.cursor("feed", 0), await kv.cursor("feed", 0)];
  await first.advance(5);
  await assert.rejects(second.advance(3), kind("VersionMismatch"));
  assert.equal((await kv.cursor("feed")).value, 5);
});

test("a lease is held, renewed and given back", async () => {
  const kv = service.kv();
  const held = await kv.claim("leader", { ttlMs: 600 }, async (lease) => {
    await sleep(1_200);
    lease.check();
    await assert.rejects(kv.lease("leader", { ttlMs: 1_000 }).acquire(), (error) => error.owner === lease.owner);
    return lease.fence;
  });
  assert.equal(await kv.exists("leader"), false);
  const later = await kv.claim("leader", { ttlMs: 600 }, (lease) => lease.fence);
  assert.ok(later > held);
});

test("a lost lease is noticed, told, and leaves the next owner alone", async () => {
  const kv = service.kv();
  const work = async (lease) => {
    await kv.delete("leader");
    await kv.lease("leader", { ttlMs: 30_000, owner: "next" }).acquire();
    await sleep(400);
    assert.ok(lease.lost && lease.signal.aborted);
  };
  await assert.rejects(kv.claim("leader", { ttlMs: 300 }, work), kind("LeaseLost"));
  assert.equal((await kv.get("leader")).owner, "next");
  const failing = () => Promise.reject(new RangeError("the work's own"));
  await assert.rejects(kv.claim("other", { ttlMs: 30_000 }, failing), RangeError);
  assert.equal(await kv.exists("other"), false);
});

test("a claim waits for the one before", async () => {
  const kv = service.kv();
  const first = await kv.lease("leader", { ttlMs: 30_000 }).acquire();
  setTimeout(() => first.release(), 300);
  await kv.claim("leader", { ttlMs: 1_000, waitMs: 20_000 }, () => undefined);
});

test("a token that does not hold is told apart", async () => {
  const { url } = service;
  await assert.rejects(new KV({ url, token: token(undefined, { exp: 1 }) }).get("n"), kind("TokenExpired"));
  const isTold = ({ status, requestId }) => status === 401 && requestId !== undefined;
  await assert.rejects(new KV({ url, token: "x.y.z" }).get("n"), isTold);
  await assert.rejects(new KV({ url, token: token(undefined, { admin: true }) }).get("n"), kind("Forbidden"));
});
