/** The calls as methods: written down once, for whoever carries them out at once, or together. */

import type { Call } from "./calls.js";

/** A function that makes a call. */
type Maker = (...args: any[]) => Call<any>;

/** What a batch's operation will have given, once the batch was sent. */
export class Result<T> {
  #value: { is: T } | undefined;

  /** The result; throws as long as there is none. */
  get value(): T {
    if (this.#value === undefined) throw new Error("the batch was not sent, or was refused: there is no result");
    return this.#value.is;
  }

  /** Fills it in. */
  _set(value: T): void {
    this.#value = { is: value };
  }
}

/** Methods that carry calls out. */
export type Promised<M> = {
  [K in keyof M]: M[K] extends (...args: infer A) => Call<infer T> ? (...args: A) => Promise<T> : never;
};

/** Methods that note calls down. */
export type Noted<M> = {
  [K in keyof M]: M[K] extends (...args: infer A) => Call<infer T> ? (...args: A) => Result<T> : never;
};

/** Who has methods: `_take` makes a call, and carries it out or notes it down. */
interface Taker {
  _take(make: () => Call<any>): unknown;
}

/** Gives a class a method for each maker. */
export function addMethods(prototype: Taker, ...groups: Record<string, Maker>[]): void {
  for (const group of groups) {
    for (const [name, make] of Object.entries(group)) {
      const method = function (this: Taker, ...args: unknown[]) {
        return this._take(() => make(...args));
      };
      Object.defineProperty(prototype, name, { value: method, writable: true, configurable: true });
    }
  }
}
