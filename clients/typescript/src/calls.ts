/**
 * Every call that the API has, as data: what is asked, and how the answer reads.
 *
 * A call is made of the same name and members as an operation of a batch (docs/api.md, "Batch"), so it can go alone or
 * in one. Each function here is a method of `KV` and, where batches take it, of `Batch`; the comments are theirs.
 */

import { KeyExists, KeyNotFound, type KVError, NotHeld, PathNotFound } from "./errors.js";
import type { Entry, Json, JsonPatchOperation, Lifetime, Page, Step, Usage, Written } from "./types.js";

/** The members of an answer, or of one result of a batch. */
export type Members = Record<string, any>;

/** One call, before it is known how it travels. */
export interface Call<T> {
  readonly op: string;
  readonly key: string;
  readonly members: Members;
  /** Makes the result of the members of an answer. */
  readonly parse: (answer: Members) => T;
  /** Results for refusals that are none to this call. */
  readonly instead?: readonly (readonly [new (...args: any[]) => KVError, T])[];
  readonly ifVersion?: number | undefined;
  readonly ifKeyVersion?: number | undefined;
  /** Whether an outcome is unknown until it is answered, so that the pauses between its attempts are short. */
  readonly isUrgent?: boolean | undefined;
  /**
   * Of a write that was made from a read, which gets old in a pause: how often the service has refused what it is
   * another attempt at. The service's next refusal is thrown with its `pauseMs` instead of waited out here, unless an
   * answer got lost.
   */
  readonly refusals?: number | undefined;
}

const READS: ReadonlySet<string> = new Set(["read", "list", "len", "range"]);
const WEEK_MS = 7 * 86_400_000;

/** Whether a call can change anything. */
export function writes(call: Call<unknown>): boolean {
  return !READS.has(call.op);
}

/** What reads, one call each. */
export const reads = {
  /** The value of a key, or of a `path` in it (`a.b`, `items[0]`, `a["x.y"]`); undefined where there is nothing. */
  get(key: string, options: { path?: string } = {}): Call<any> {
    const instead = [[KeyNotFound, undefined], [PathNotFound, undefined]] as const;
    return { op: "read", key, members: given(options), parse: (answer) => answer.value, instead };
  },

  /** The value and what is known of a key: its versions, times and size; undefined if there is none. */
  entry(key: string): Call<Entry | undefined> {
    return { op: "read", key, members: { meta: true }, parse: entryOf, instead: [[KeyNotFound, undefined]] };
  },

  /** Whether there is such a key. */
  exists(key: string): Call<boolean> {
    return { op: "read", key, members: {}, parse: () => true, instead: [[KeyNotFound, false]] };
  },

  /** All keys that start with a prefix, oldest first. */
  keys(prefix = ""): Call<string[]> {
    return { op: "list", key: "", members: given({ prefix: prefix || undefined }), parse: (answer) => answer.keys };
  },

  /** All keys that start with a prefix, with their values: one moment's. */
  items(prefix = ""): Call<Map<string, any>> {
    const members = given({ prefix: prefix || undefined, values: true });
    return { op: "list", key: "", members, parse: (answer) => new Map(Object.entries(answer.values)) };
  },

  /** Up to `limit` keys (1 to 1000) and what is known of them; `cursor` is the `nextCursor` of the page before. */
  page(options: { prefix?: string; limit?: number; cursor?: string | undefined; values?: boolean } = {}): Call<Page> {
    const { prefix, limit = 1000, cursor, values } = options;
    const members = given({ prefix: prefix || undefined, limit, cursor, values: values || undefined, meta: true });
    return { op: "list", key: "", members, parse: pageOf };
  },

  /** How full the state is, and how much room is left. */
  usage(): Call<Usage> {
    return { op: "list", key: "", members: { meta: true }, parse: usageOf };
  },
};

/** What reads, alone or as an operation of a batch. */
export const batchedReads = {
  /** How many items the list has; `KeyNotFound` if there is none. */
  length(key: string): Call<number> {
    return { op: "len", key, members: {}, parse: (answer) => answer.length };
  },

  /** The items from `start` to `stop`, both included; -1 is the last one. */
  range(key: string, start = 0, stop = -1): Call<any[]> {
    return { op: "range", key, members: { start, stop }, parse: (answer) => answer.values };
  },
};

/** What writes, alone or as an operation of a batch. */
export const batchedWrites = {
  /**
   * Calls a plugin, an operation of somebody's own, and gives its output; all that it does happens, or nothing. What it
   * takes and gives is its own matter: `GET /v1/plugins` describes those that the service has.
   */
  call(plugin: string, input: Json = {}): Call<any> {
    return { op: "call", key: plugin, members: { input }, parse: (answer) => answer.output };
  },

  /** Stores a value; with `nx` only if the key is new (else `KeyExists`), with `xx` only if it exists (`KeyAbsent`). */
  set(
    key: string,
    value: Json,
    options: Lifetime & { nx?: boolean; xx?: boolean; keepTtl?: boolean } = {},
  ): Call<Written> {
    const { nx, xx, keepTtl } = options;
    const flags = given({ nx: nx || undefined, xx: xx || undefined, keepttl: keepTtl || undefined });
    return { op: "set", key, members: { value, ...flags, ...lifetime(options) }, parse: writtenOf };
  },

  /** Removes a key, or only what `path` names in its value (not in a batch); tells whether there was anything. */
  delete(key: string, options: { path?: string } = {}): Call<boolean> {
    return { op: "delete", key, members: given(options), parse: (answer) => answer.deleted };
  },

  /** Says how long a key is to live, and gives the time when it ends; `KeyNotFound` if there is none. */
  expire(key: string, life: Lifetime): Call<Date> {
    return { op: "expire", key, members: lifetime(life), parse: (answer) => new Date(answer.expires_at) };
  },

  /** Lets a key live for ever. */
  persist(key: string): Call<void> {
    return { op: "persist", key, members: {}, parse: nothing };
  },

  /** Puts a value at a path, in a list too; what is missing on the way is made, the key as well. */
  setAt(key: string, path: string, value: Json): Call<void> {
    return edited(key, [{ op: "set", path, value }], nothing);
  },

  /** Sets the members of `changes` in an object, the whole value's or the one at `path`; null removes (RFC 7396). */
  merge(key: string, changes: { readonly [name: string]: Json }, options: { path?: string } = {}): Call<void> {
    return edited(key, [{ op: "merge", value: changes, ...options }], nothing);
  },

  /** Adds an item to the list at a path, which is made if there is none, and gives its length. */
  appendAt(key: string, path: string, value: Json): Call<number> {
    return edited(key, [{ op: "append", path, value }], (answer) => answer.results[0].length);
  },

  /** Adds to the integer at a path, which counts from 0 if there is none, and gives what it is now. */
  incrAt(key: string, path: string, by = 1): Call<number> {
    return edited(key, [{ op: "incr", path, by }], (answer) => answer.results[0].value);
  },

  /** Carries out up to 100 steps on a value, all or none; gives an object for each. A missing key is made from `{}`. */
  edit(key: string, steps: readonly Step[]): Call<Members[]> {
    return edited(key, steps, (answer) => answer.results);
  },

  /** Adds to an integer, which counts from 0 if there is none, and gives what it is now. */
  incr(key: string, by = 1): Call<number> {
    return { op: "incr", key, members: { by }, parse: (answer) => answer.value };
  },

  /** Takes from an integer, which counts from 0 if there is none, and gives what it is now. */
  decr(key: string, by = 1): Call<number> {
    return { op: "decr", key, members: { by }, parse: (answer) => answer.value };
  },

  /** Adds one item at the front and gives the list's length; of more than `maxLength` the last ones fall off. */
  lpush(key: string, value: Json, options: Lifetime & { maxLength?: number } = {}): Call<number> {
    return pushed("lpush", key, value, options);
  },

  /** Adds one item at the back and gives the list's length; of more than `maxLength` the first ones fall off. */
  rpush(key: string, value: Json, options: Lifetime & { maxLength?: number } = {}): Call<number> {
    return pushed("rpush", key, value, options);
  },

  /** Takes the first item; null from an empty list or no list at all. */
  lpop(key: string): Call<any> {
    return { op: "lpop", key, members: {}, parse: (answer) => answer.value };
  },

  /** Takes the last item; null from an empty list or no list at all. */
  rpop(key: string): Call<any> {
    return { op: "rpop", key, members: {}, parse: (answer) => answer.value };
  },

  /** Takes up to `count` items (1 to 1000) from the front, in this order. */
  lpopMany(key: string, count: number): Call<any[]> {
    return { op: "lpop", key, members: { count }, parse: (answer) => answer.values };
  },

  /** Takes up to `count` items (1 to 1000) from the back, the last one first. */
  rpopMany(key: string, count: number): Call<any[]> {
    return { op: "rpop", key, members: { count }, parse: (answer) => answer.values };
  },

  /** Keeps the items from `start` to `stop`, both included, drops the others, and gives the list's length. */
  trim(key: string, start: number, stop = -1): Call<number> {
    return { op: "trim", key, members: { start, stop }, parse: (answer) => answer.length };
  },

  /** Removes the items of a list, or the members of an object, that are equal to a value; tells how many. */
  remove(key: string, value: Json): Call<number> {
    return { op: "remove", key, members: { value }, parse: (answer) => answer.removed };
  },

  /** Removes the items or members that have something equal to `equals` at the path `field`; tells how many. */
  removeWhere(key: string, field: string, equals: Json): Call<number> {
    return { op: "remove", key, members: { where: { field, equals } }, parse: (answer) => answer.removed };
  },

  /** Removes the items or members whose time, at the path `field` or they themselves, is longer ago; tells how many. */
  prune(key: string, olderThanMs: number, options: { field?: string } = {}): Call<number> {
    const members = { older_than: olderThanMs / 1000, ...given(options) };
    return { op: "prune", key, members, parse: (answer) => answer.removed };
  },
};

/** What writes, one call each. */
export const singleWrites = {
  /** Carries out a JSON Patch (RFC 6902); `Conflict` if a `test` does not hold. */
  jsonPatch(key: string, operations: readonly JsonPatchOperation[], options: { create?: boolean } = {}): Call<void> {
    const members = { document: operations, create: options.create ?? false };
    return { op: "json_patch", key, members, parse: nothing };
  },

  /** Carries out a JSON Merge Patch (RFC 7396): what is no object replaces the whole value. */
  mergePatch(key: string, document: Json, options: { create?: boolean } = {}): Call<void> {
    return { op: "merge_patch", key, members: { document, create: options.create ?? false }, parse: nothing };
  },
};

/** Writes whose refusal is an answer too. */
export const marks = {
  /** Stores a value if the key is new, and tells whether it was: of any number of racers one gets true. */
  add(key: string, value: Json, life: Lifetime = {}): Call<boolean> {
    const members = { value, nx: true, ...lifetime(life) };
    return { op: "set", key, members, parse: () => true, instead: [[KeyExists, false]] };
  },

  /**
   * Whether this is the first call with an id in `ttlMs` (a week), however many runs ask at once. It is marked, as the
   * key `once:<id>`, before the work is done: a run that fails in between has to `forget` it, or nobody does the work.
   */
  once(id: string, options: { ttlMs?: number } = {}): Call<boolean> {
    return marks.add(`once:${id}`, true, { ttlMs: options.ttlMs ?? WEEK_MS });
  },

  /** Lets `once` be true again for an id; tells whether it was marked. */
  forget(id: string): Call<boolean> {
    return batchedWrites.delete(`once:${id}`);
  },
};

/** What only a batch has. */
export const batchOnly = {
  /** The value, or what `path` names in it; if there is none, the whole batch is refused. */
  read(key: string, options: { path?: string } = {}): Call<any> {
    return { op: "read", key, members: given(options), parse: (answer) => answer.value };
  },

  /** Lets the batch go on only if something is there, is not there, is equal, or if the key has a version. */
  check(
    key: string,
    test: ({ exists: true } | { absent: true } | { equals: Json } | { version: number }) & { path?: string },
  ): Call<void> {
    return { op: "check", key, members: test, parse: nothing };
  },

  /** Asks for a lease as a part of the batch; gives its `owner` and `fence`. */
  claim(key: string, owner: string, ttlMs: number): Call<Members> {
    return leases.claim(key, owner, ttlMs);
  },
};

/** What leases are made of. */
export const leases = {
  claim(key: string, owner: string, ttlMs: number): Call<Members> {
    return { op: "claim", key, members: { owner, ttl_ms: Math.ceil(ttlMs) }, parse: (answer) => answer };
  },
  renew(key: string, owner: string, ttlMs: number, fence: number): Call<Members> {
    return { op: "renew", key, members: { owner, ttl_ms: Math.ceil(ttlMs), fence }, parse: (answer) => answer };
  },
  /** False if it was over already. */
  release(key: string, owner: string, fence: number): Call<boolean> {
    const members = { owner, fence };
    return { op: "release", key, members, parse: (answer) => answer.released, instead: [[NotHeld, false]] };
  },
};

/** Up to 100 calls, all or none, as one new version; gives what came of each. */
export function batch(calls: readonly Call<unknown>[], ifVersion: number | undefined): Call<Members[]> {
  const members = { operations: calls.map(operation), ...given({ if_version: ifVersion }) };
  return { op: "batch", key: "", members, parse: (answer) => answer.results };
}

/** A call as an operation of a batch. */
export function operation(call: Call<unknown>): Members {
  if (call.op === "delete" && call.members.path !== undefined) {
    throw new TypeError('a batch deletes whole keys: use edit(key, [{ op: "remove", path }]) for a part of one');
  }
  const { create: _, ...members } = call.members;
  if (call.op === "call") return { op: call.op, plugin: call.key, ...members };
  return { op: call.op, key: call.key, ...members };
}

function given(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function lifetime({ ttlMs, expiresAt }: Lifetime): Members {
  if (ttlMs !== undefined && expiresAt !== undefined) {
    throw new TypeError("say ttlMs or expiresAt, not both");
  }
  // Rounded up, so that nothing ends at once.
  if (ttlMs !== undefined) return { px: Math.ceil(ttlMs) };
  return expiresAt === undefined ? {} : { exat: Math.ceil(expiresAt.getTime() / 1000) };
}

function pushed(op: string, key: string, value: Json, options: Lifetime & { maxLength?: number }): Call<number> {
  const members = { value, ...given({ max_len: options.maxLength }), ...lifetime(options) };
  return { op, key, members, parse: (answer) => answer.length };
}

function edited<T>(key: string, operations: readonly Step[], parse: (answer: Members) => T): Call<T> {
  return { op: "patch", key, members: { operations, create: true }, parse };
}

function nothing(): void {}

function writtenOf(answer: Members): Written {
  return { created: answer.created, version: answer.version ?? 0, expiresAt: dateOf(answer.expires_at) };
}

function entryOf(answer: Members): Entry {
  return {
    key: answer.key,
    value: answer.value,
    version: answer.version,
    keyVersion: answer.key_version,
    createdAt: new Date(answer.created_at),
    updatedAt: new Date(answer.updated_at),
    expiresAt: dateOf(answer.expires_at),
    sizeBytes: answer.size_bytes,
  };
}

function pageOf(answer: Members): Page {
  const { version } = answer;
  const entries = answer.entries.map((entry: Members) => entryOf({ ...entry, version }));
  return { entries, nextCursor: answer.next_cursor ?? undefined, version };
}

function usageOf(answer: Members): Usage {
  return {
    keys: answer.count,
    sizeBytes: answer.size_bytes,
    limitBytes: answer.limit_bytes ?? undefined,
    freeBytes: answer.free_bytes ?? undefined,
    version: answer.version,
  };
}

function dateOf(text: string | null | undefined): Date | undefined {
  return text ? new Date(text) : undefined;
}
