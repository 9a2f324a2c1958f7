/** Read, change, compare and set; again, if somebody else was faster. */

import { type Call, batchedWrites, reads } from "./calls.js";
import { KVError, OutcomeUnknown, VersionMismatch } from "./errors.js";
import { type Limits, pauseAfterConflict, sleep } from "./exchange.js";
import type { Entry, Json } from "./types.js";

/** How many accepted writes of an automation the service remembers by their idempotency keys. */
const REMEMBERED_WRITES = 128;

/** What `KV.txn` takes beside key and change. */
export interface TxnOptions {
  /** Stands for a key that is missing; null unless given. */
  default?: Json;
  /** Another time to live, in milliseconds; it stays as it is unless given. */
  ttlMs?: number;
}

/** Carries a transaction out; gives the new value. */
export async function transact<T extends Json>(
  run: <R>(call: Call<R>) => Promise<R>,
  limits: Limits,
  key: string,
  change: (value: any) => T | Promise<T>,
  options: TxnOptions,
): Promise<T> {
  const giveUpAt = performance.now() + limits.callMs;
  let uncertainSince: number | undefined;
  let conflicts = 0;
  let refusals = 0;
  for (;;) {
    const found = await readAgain(run, key, uncertainSince);
    uncertainSince = undefined;
    // A value of its own for each attempt, so that none sees another's changes.
    const value = await change(found ? found.value : JSON.parse(JSON.stringify(options.default ?? null)));
    try {
      await run({ ...write(key, found, value, options.ttlMs), refusals });
      return value;
    } catch (error) {
      let pauseMs = error instanceof KVError ? error.pauseMs : undefined;
      if (pauseMs !== undefined) refusals += 1;
      if (error instanceof VersionMismatch) {
        conflicts += 1;
        if (error.wasUncertain) uncertainSince = found?.version ?? 0;
        // While others write, each moment makes it likelier that nobody can tell any more.
        pauseMs = error.wasUncertain ? 0 : pauseAfterConflict(conflicts);
      }
      if (pauseMs === undefined) throw error;
      if (performance.now() + pauseMs >= giveUpAt) throw uncertainSince === undefined ? error : unknown(key, error);
      await sleep(pauseMs);
    }
  }
}

/** Reads the key; while the outcome of an attempt is uncertain, without that there is no telling what it was. */
async function readAgain(
  run: <R>(call: Call<R>) => Promise<R>,
  key: string,
  uncertainSince: number | undefined,
): Promise<Entry | undefined> {
  const isUrgent = uncertainSince !== undefined;
  try {
    const found = await run({ ...reads.entry(key), isUrgent });
    judge(key, found, uncertainSince);
    return found;
  } catch (error) {
    throw isUrgent && !(error instanceof OutcomeUnknown) ? unknown(key, error) : error;
  }
}

/**
 * Throws if the attempt before may have happened unnoticed. An attempt whose answer got lost and whose repetition found
 * another version did not happen, as the service would have known the repetition; but only as long as it remembers it.
 */
function judge(key: string, found: Entry | undefined, uncertainSince: number | undefined): void {
  if (uncertainSince === undefined) return;
  if (found === undefined || found.version - uncertainSince > REMEMBERED_WRITES) {
    throw unknown(key);
  }
}

function unknown(key: string, cause?: unknown): OutcomeUnknown {
  return new OutcomeUnknown(`the change of "${key}" may have happened or not: its answer was lost`, { cause });
}

function write(key: string, found: Entry | undefined, value: Json, ttlMs: number | undefined): Call<unknown> {
  // A new key has no time to keep.
  const keepTtl = ttlMs === undefined && found !== undefined;
  return { ...batchedWrites.set(key, value, { ttlMs, keepTtl }), ifKeyVersion: found?.keyVersion ?? 0 };
}
