/** What a value may be made of. Integers beyond 2^53 lose digits in JavaScript, though the store keeps them. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A key, its value, and what is known of it. */
export interface Entry {
  key: string;
  /** Undefined in a page that was asked for without values. */
  value: any;
  /** The version of the state that was read: fit for `ifVersion`. */
  version: number;
  /** The version that the key's last write made: fit for `ifKeyVersion`. */
  keyVersion: number;
  createdAt: Date;
  updatedAt: Date;
  /** Undefined for a key that lives for ever. */
  expiresAt: Date | undefined;
  /** What key and value take of the state's size. */
  sizeBytes: number;
}

/** Some of the keys, oldest first. */
export interface Page {
  entries: Entry[];
  /** For the next page; undefined on the last one. */
  nextCursor: string | undefined;
  version: number;
}

/** How full the state is, in bytes of compact JSON. */
export interface Usage {
  keys: number;
  sizeBytes: number;
  /** Undefined where there is no limit, as for `freeBytes`. */
  limitBytes: number | undefined;
  freeBytes: number | undefined;
  version: number;
}

/** What a `set` did. */
export interface Written {
  /** Whether the key is new. */
  created: boolean;
  /** The version that the write made, of the state and of the key; 0 in a batch, which has one for all. */
  version: number;
  expiresAt: Date | undefined;
}

/** How long a key is to live; for ever unless one is given. */
export interface Lifetime {
  /** For so many milliseconds. */
  ttlMs?: number | undefined;
  /** Until a time. */
  expiresAt?: Date | undefined;
}

/** One change within a value; `path` may be left out for `merge` only. */
export type Step =
  | { op: "set" | "append"; path: string; value: Json }
  | { op: "merge"; path?: string; value: Json }
  | { op: "remove"; path: string }
  | { op: "incr"; path: string; by?: number };

/** An operation of a JSON Patch (RFC 6902). */
export type JsonPatchOperation =
  | { op: "add" | "replace" | "test"; path: string; value: Json }
  | { op: "remove"; path: string }
  | { op: "move" | "copy"; from: string; path: string };
