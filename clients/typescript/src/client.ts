/** `KV`: the store. */

import * as calls from "./calls.js";
import type { Call } from "./calls.js";
import { Batch } from "./batch.js";
import { Cursor } from "./cursor.js";
import { Exchange, type Limits, sleep } from "./exchange.js";
import { type ClaimOptions, Lease } from "./lease.js";
import { addMethods, type Promised } from "./methods.js";
import { baseUrlOf, tokenOf } from "./settings.js";
import { transact, type TxnOptions } from "./transaction.js";
import type { Json } from "./types.js";

/** What `new KV` takes; all of it has a default where there is an environment. */
export interface KVOptions {
  /** `AUTOMATION_KV_TOKEN` unless given. */
  token?: string;
  /** What `/v1/kv` follows; `AUTOMATION_API_URL` unless given. */
  url?: string;
  /** Milliseconds that one call may take in all, with its repetitions. */
  timeoutMs?: number;
  /** Milliseconds that one attempt may take. */
  attemptTimeoutMs?: number;
  /** Another `fetch` than the global one. */
  fetch?: typeof globalThis.fetch;
}

type Writes = Promised<typeof calls.batchedWrites & typeof calls.singleWrites>;
type Calls = Promised<typeof calls.reads & typeof calls.batchedReads & typeof calls.marks> & Writes;

/* The methods are added at the end of this file. */
export interface KV extends Calls {}

/** One automation's state. */
export class KV {
  readonly #baseUrl: string;
  readonly #token: string;
  readonly #limits: Limits;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: KVOptions = {}) {
    this.#baseUrl = baseUrlOf(options.url);
    this.#token = tokenOf(options.token);
    this.#limits = { callMs: options.timeoutMs ?? 30_000, attemptMs: options.attemptTimeoutMs ?? 10_000 };
    // A browser's fetch wants to be called on the window.
    this.#fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  }

  /**
   * Changes a value that others change too: reads it, lets `change` make the new one, writes it if nobody else wrote.
   * If somebody did, or the service was busy, all of it runs again, so `change` should do nothing else. Gives the new
   * value.
   */
  txn<T extends Json>(key: string, change: (value: any) => T | Promise<T>, options: TxnOptions = {}): Promise<T> {
    return transact((call) => this.#run(call), this.#limits, key, change, options);
  }

  /**
   * Does `work` under a lease: one owner at a time, renewed as long as the work runs, given back at its end. `Held` if
   * another has it still after `waitMs`. It is a lease, not mutual exclusion: after a pause that is longer than `ttlMs`
   * (of this process, or of the network) another owner may have started beside this one. Send `lease.fence`, which is
   * higher for each later owner, along with the work, and let whoever receives it refuse lower ones. Throws `LeaseLost`
   * if the lease ended before the work did; `lease.signal` is aborted then.
   */
  claim<T>(name: string, options: ClaimOptions, work: (lease: Lease) => T | Promise<T>): Promise<T> {
    return this.lease(name, options).hold(work);
  }

  /** A lease to be acquired, renewed and released by hand. */
  lease(name: string, options: ClaimOptions): Lease {
    return new Lease((call) => this.#run(call), name, options);
  }

  /** How far the work has got: `cursor.value`, and `cursor.advance(value)` unless another run moved it. */
  async cursor(name: string, initially: Json = null): Promise<Cursor> {
    return new Cursor((call) => this.#run(call), name, initially, await this.entry(name));
  }

  /** Up to 100 operations, all or none: call its methods, `send` it, then look into their `Result`s. */
  batch(options: { ifVersion?: number } = {}): Batch {
    return new Batch((call) => this.#run(call), options.ifVersion);
  }

  /** Writes only if the state has this version, else `VersionMismatch`: `kv.ifVersion(4).set(…)`. */
  ifVersion(version: number): Conditional {
    return new Conditional((call) => this.#run({ ...call, ifVersion: version }));
  }

  /** Writes only if the key has this version (0: is not there), else `VersionMismatch`. */
  ifKeyVersion(version: number): Conditional {
    return new Conditional((call) => this.#run({ ...call, ifKeyVersion: version }));
  }

  /** @internal */
  async _take<T>(make: () => Call<T>): Promise<T> {
    return this.#run(make());
  }

  /** Sends a call, again where that helps, and gives its result. */
  async #run<T>(call: Call<T>): Promise<T> {
    const exchange = new Exchange(call, this.#token, this.#limits);
    for (;;) {
      let outcome;
      try {
        outcome = { answer: await this.#send(exchange) };
      } catch (error) {
        outcome = { error };
      }
      const next = "answer" in outcome ? exchange.answered(outcome.answer) : exchange.failed(outcome.error);
      if (next.done) return next.result;
      await sleep(next.pauseMs);
    }
  }

  async #send(exchange: Exchange<unknown>): Promise<{ status: number; headers: Headers; text: string }> {
    const { method, target, headers, body } = exchange.request;
    const response = await this.#fetch(this.#baseUrl + target, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      cache: "no-store",
      signal: AbortSignal.timeout(exchange.attemptMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

addMethods(KV.prototype, calls.reads, calls.batchedReads, calls.batchedWrites, calls.singleWrites, calls.marks);

/* The methods are added below. */
export interface Conditional extends Writes {}

/** Writes on a condition. */
export class Conditional {
  readonly #run: <T>(call: Call<T>) => Promise<T>;

  constructor(run: <T>(call: Call<T>) => Promise<T>) {
    this.#run = run;
  }

  /** @internal */
  async _take<T>(make: () => Call<T>): Promise<T> {
    return this.#run(make());
  }
}

addMethods(Conditional.prototype, calls.batchedWrites, calls.singleWrites);
