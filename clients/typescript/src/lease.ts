/** Leases: one owner at a time, as long as it lives and is heard of. */

import { type Call, leases } from "./calls.js";
import { Held, KVError, LeaseLost, NotHeld } from "./errors.js";
import { between, randomName, sleep } from "./exchange.js";
import { variable } from "./settings.js";

/** How many renewals fit into one life of a lease, so that some may fail. */
const RENEWALS_PER_LIFE = 3;

/** How often to ask for a lease that another has: it may be given back before its time is over. */
const LONGEST_POLL_MS = 1_000;

/** What `KV.claim` takes. */
export interface ClaimOptions {
  /** How long the lease lives unless it is renewed, in milliseconds. */
  ttlMs: number;
  /** How long to wait for it where another has it; not at all unless given. */
  waitMs?: number;
  /** Who asks; a name that no other owner has unless given. */
  owner?: string;
}

/** A lease of `KV.claim`. */
export class Lease {
  readonly name: string;
  readonly owner: string;
  /** The fencing number, higher for each later owner; 0 before the lease was claimed. */
  fence = 0;
  readonly #run: <T>(call: Call<T>) => Promise<T>;
  readonly #ttlMs: number;
  readonly #waitMs: number;
  readonly #lost = new AbortController();
  #endsAt = 0;
  #isOver = false;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #end: ReturnType<typeof setTimeout> | undefined;

  constructor(run: <T>(call: Call<T>) => Promise<T>, name: string, options: ClaimOptions) {
    this.#run = run;
    this.name = name;
    this.owner = options.owner ?? newOwner();
    this.#ttlMs = options.ttlMs;
    this.#waitMs = options.waitMs ?? 0;
  }

  /** Whether it is over, as far as this process knows: then somebody else may have started. */
  get lost(): boolean {
    return this.#isOver || performance.now() >= this.#endsAt;
  }

  /** Aborted when the lease is lost while it is kept: for `fetch` and the like, so that the work ends too. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws `LeaseLost` if it is lost: to be called before a step that must not be done twice. */
  check(): void {
    if (this.lost) throw this.#error();
  }

  /** Asks for it, and again as long as it may wait; `Held` if another has it still. */
  async acquire(): Promise<this> {
    const giveUpAt = performance.now() + this.#waitMs;
    for (;;) {
      const askedAt = performance.now();
      try {
        this.#granted(askedAt, (await this.#run(leases.claim(this.name, this.owner, this.#ttlMs))).fence);
        return this;
      } catch (error) {
        const leftMs = giveUpAt - performance.now();
        if (!(error instanceof Held) || leftMs <= 0) throw error;
        await sleep(Math.min(leftMs, error.retryAfterMs ?? LONGEST_POLL_MS, between(0.5, 1) * LONGEST_POLL_MS));
      }
    }
  }

  /** Gives it another time; `NotHeld` if it is over. */
  async renew(): Promise<void> {
    const askedAt = performance.now();
    try {
      this.#granted(askedAt, (await this.#run(leases.renew(this.name, this.owner, this.#ttlMs, this.fence))).fence);
    } catch (error) {
      if (error instanceof NotHeld) this.#isOver = true;
      throw error;
    }
  }

  /** Gives it back; false if it was over already. */
  async release(): Promise<boolean> {
    const released = await this.#run(leases.release(this.name, this.owner, this.fence));
    this.#isOver = true;
    return released;
  }

  /** Claims it, keeps it as long as `work` runs, and gives it back; `LeaseLost` if it ended before `work` did. */
  async hold<T>(work: (lease: Lease) => T | Promise<T>): Promise<T> {
    await this.acquire();
    this.#keep();
    let result: T;
    try {
      result = await work(this);
    } catch (error) {
      await this.#leave();
      throw error;
    }
    if (await this.#leave()) throw this.#error();
    return result;
  }

  /** Ends the keeping and gives it back; tells whether it was lost. */
  async #leave(): Promise<boolean> {
    clearTimeout(this.#renewal);
    clearTimeout(this.#end);
    this.#renewal = this.#end = undefined;
    const wasLost = this.lost;
    try {
      return !(await this.release()) || wasLost;
    } catch (error) {
      // It ends by itself. What the work gave or threw is worth more.
      if (error instanceof KVError) return wasLost;
      throw error;
    }
  }

  #keep(): void {
    const again = (): void => {
      const renewal = setTimeout(async () => {
        try {
          await this.renew();
        } catch {
          // Asked again in time, or `lost` tells.
        }
        // Whoever left meanwhile wants no more of it.
        if (this.#renewal === renewal && !this.lost) again();
        else if (this.#renewal === renewal) this.#lost.abort(this.#error());
      }, this.#ttlMs / RENEWALS_PER_LIFE);
      this.#renewal = renewal;
    };
    again();
    this.#watch();
  }

  /** Aborts `signal` when the time is over, also while a renewal waits for its answer. */
  #watch(): void {
    this.#end = setTimeout(() => {
      if (this.lost) this.#lost.abort(this.#error());
      else this.#watch();
    }, Math.max(1, this.#endsAt - performance.now()));
  }

  #granted(askedAt: number, fence: number): void {
    // Counted from when it was asked for, so it never seems longer than it is.
    this.#endsAt = askedAt + this.#ttlMs;
    this.fence = fence;
    this.#isOver = false;
  }

  #error(): LeaseLost {
    const message = `the lease "${this.name}" ended while its work was under way: somebody else may have done the same`;
    return new LeaseLost(message, { code: "lease_lost" });
  }
}

/** A name that no other owner has: two claims of one run are two owners. */
function newOwner(): string {
  return `${variable("AUTOMATION_RUN_ID")?.slice(0, 200) ?? "run"}/${randomName()}`;
}
