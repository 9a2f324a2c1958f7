/** Operations that happen together or not at all. */

import * as calls from "./calls.js";
import type { Call, Members } from "./calls.js";
import { addMethods, type Noted, Result } from "./methods.js";

type Operations = Noted<typeof calls.batchedReads & typeof calls.batchedWrites & typeof calls.batchOnly>;

/* The methods are added at the end of this file. */
export interface Batch extends Operations {}

/** Collects up to 100 operations. Each method gives a `Result`, whose `value` is there after the batch was sent. */
export class Batch {
  readonly #run: (call: Call<Members[]>) => Promise<Members[]>;
  readonly #ifVersion: number | undefined;
  #noted: { call: Call<any>; result: Result<any> }[] = [];

  constructor(run: (call: Call<Members[]>) => Promise<Members[]>, ifVersion: number | undefined) {
    this.#run = run;
    this.#ifVersion = ifVersion;
  }

  /** Carries out all operations, or none; `BatchFailed` or `TooLarge` says which one was refused. */
  async send(): Promise<void> {
    const noted = this.#noted;
    if (noted.length === 0) return;
    const answers = await this.#run(calls.batch(noted.map(({ call }) => call), this.#ifVersion));
    this.#noted = [];
    noted.forEach(({ call, result }, index) => result._set(call.parse(answers[index] ?? {})));
  }

  /** @internal */
  _take<T>(make: () => Call<T>): Result<T> {
    const call = make();
    // Told apart here and not when it is sent: the mistake is in this line of the caller's.
    calls.operation(call);
    const result = new Result<T>();
    this.#noted.push({ call, result });
    return result;
  }
}

addMethods(Batch.prototype, calls.batchedReads, calls.batchedWrites, calls.batchOnly);
