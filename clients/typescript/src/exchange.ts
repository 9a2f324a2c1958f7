/**
 * What becomes of one call: answered, refused, or sent again after a pause. No input or output here.
 *
 * A write carries one idempotency key for all its attempts, so one whose answer got lost can be sent again and still
 * happens once. The service remembers the latest 128 accepted writes of an automation: while an outcome is unknown the
 * pauses are short, so that it is asked for again before others have pushed it out.
 */

import { type Call, type Members, writes } from "./calls.js";
import { errorOfAnswer } from "./answer.js";
import { type KVError, NotConfigured, OutcomeUnknown, Unavailable } from "./errors.js";
import { type HttpRequest, requestOf } from "./http.js";

/** How long anything may take, in milliseconds. */
export interface Limits {
  /** A call in all, repetitions and pauses included; a transaction too. */
  callMs: number;
  /** One attempt. The service itself gives up on a write after 5 seconds unless it was told otherwise. */
  attemptMs: number;
}

/** What came back. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** Refusals after which the same request may succeed. Nothing was written. */
const PASSING_CODES: ReadonlySet<string> = new Set(["kv_store_busy", "overloaded", "storage_unavailable"]);
const PASSING_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** Answers that do not tell whether a write happened: the service's own word, and a gateway's for no word at all. */
const UNKNOWN_CODES: ReadonlySet<string> = new Set(["outcome_unknown"]);
const UNKNOWN_STATUSES: ReadonlySet<number> = new Set([502, 504]);

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const FIRST_URGENT_PAUSE_MS = 1;
/** Sixteen busy clients push a write out of what the service remembers within a tenth of a second. */
const LONGEST_URGENT_PAUSE_MS = 20;
/** How many pauses may be that short; a service that is down should not be hammered. */
const URGENT_PAUSES = 6;

/** Either a result, or how long to pause before the next attempt. */
export type Outcome<T> = { done: true; result: T } | { done: false; pauseMs: number };

/** A call on its way: send `request`, then report what happened. */
export class Exchange<T> {
  readonly request: HttpRequest;
  readonly #call: Call<T>;
  readonly #limits: Limits;
  readonly #giveUpAt: number;
  #pauses: number;
  #losses = 0;
  #urgentPauses = 0;

  constructor(call: Call<T>, token: string, limits: Limits) {
    this.request = requestOf(call, token, randomName());
    this.#call = call;
    this.#limits = limits;
    this.#pauses = call.refusals ?? 0;
    this.#giveUpAt = performance.now() + limits.callMs;
  }

  /** How long the next attempt may take. */
  get attemptMs(): number {
    return Math.ceil(Math.max(1, Math.min(this.#limits.attemptMs, this.#giveUpAt - performance.now())));
  }

  /** There is an answer; throws the error that it stands for, if it is final. */
  answered(answer: Answer): Outcome<T> {
    const members = membersOf(answer.text);
    if (answer.status >= 200 && answer.status < 300 && members !== undefined) {
      return { done: true, result: this.#call.parse(members) };
    }
    if (answer.status < 400) {
      const what = `status ${answer.status}, no JSON`;
      throw new NotConfigured(`an answer that is not the store's (${what}): is the address that of the service?`);
    }
    const error = errorOfAnswer(answer.status, members ?? {}, answer.headers);
    if (UNKNOWN_CODES.has(error.code) || (!error.code && UNKNOWN_STATUSES.has(error.status))) return this.#lost(error);
    if (PASSING_CODES.has(error.code) || (!error.code && PASSING_STATUSES.has(error.status))) return this.#pause(error);
    error.wasUncertain = this.#losses > 0;
    for (const [kind, result] of this.#call.instead ?? []) {
      if (error instanceof kind) return { done: true, result };
    }
    throw error;
  }

  /** There is no answer; `fetch` does not tell whether the service got the request, so it may have. */
  failed(cause: unknown): Outcome<T> {
    // Node's fetch says no more than "fetch failed"; its cause knows.
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const why = inner instanceof Error ? inner.message : String(inner);
    return this.#lost(new Unavailable(`no answer from the service: ${why}`, { cause }));
  }

  #lost(error: KVError): Outcome<T> {
    this.#losses += 1;
    return this.#pause(error);
  }

  #pause(error: KVError): Outcome<T> {
    this.#pauses += 1;
    let pauseMs: number;
    if ((this.#losses > 0 || this.#call.isUrgent) && this.#urgentPauses < URGENT_PAUSES) {
      // The first loss is most often a kept connection that the other side had closed: no pause at all.
      const growing = Math.min(LONGEST_URGENT_PAUSE_MS, FIRST_URGENT_PAUSE_MS * 2 ** this.#urgentPauses);
      const step = this.#urgentPauses === 0 ? 0 : growing;
      this.#urgentPauses += 1;
      pauseMs = between(step / 2, step);
    } else {
      const step = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses);
      pauseMs = (error.retryAfterMs ?? 0) + between(step / 4, step);
    }
    if (performance.now() + pauseMs >= this.#giveUpAt) throw this.#givenUp(error);
    // A proxy's refusal may hide that the service has done it.
    const isKnown = this.#losses === 0 && PASSING_CODES.has(error.code);
    if (this.#call.refusals !== undefined && isKnown) throw Object.assign(error, { pauseMs });
    return { done: false, pauseMs };
  }

  #givenUp(error: KVError): KVError {
    if (this.#losses === 0 || !writes(this.#call)) return error;
    const message =
      `the write may have happened or not, its answer was lost (${error.message}): read before writing it again`;
    const { status, code, body, requestId } = error;
    return new OutcomeUnknown(message, { status, code, body, requestId, cause: error });
  }
}

/** How long to wait before a compare-and-set that lost is tried again, in milliseconds. */
export function pauseAfterConflict(conflicts: number): number {
  return between(0, Math.min(500, 10 * 2 ** conflicts));
}

/** A name that nothing else has. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random number. */
export function between(least: number, most: number): number {
  return least + Math.random() * (most - least);
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function membersOf(text: string): Members | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    // A proxy's own page, for instance.
    return undefined;
  }
}
