/** How far work has got, with nobody moving it back. */

import { batchedWrites, type Call } from "./calls.js";
import type { Entry, Json } from "./types.js";

/** A cursor as `KV.cursor` read it. */
export class Cursor {
  readonly name: string;
  /** How far the work has got. */
  value: any;
  readonly #run: <T>(call: Call<T>) => Promise<T>;
  #keyVersion: number;

  constructor(run: <T>(call: Call<T>) => Promise<T>, name: string, initially: Json, found: Entry | undefined) {
    this.#run = run;
    this.name = name;
    this.value = found ? found.value : initially;
    this.#keyVersion = found?.keyVersion ?? 0;
  }

  /** Moves it; `VersionMismatch` if somebody else has moved it since it was read here. */
  async advance(value: Json): Promise<void> {
    const written = await this.#run({ ...batchedWrites.set(this.name, value), ifKeyVersion: this.#keyVersion });
    this.value = value;
    this.#keyVersion = written.version;
  }
}
