/**
 * Automation KV: encrypted, durable JSON state for automations.
 *
 * ```ts
 * import { KV } from "automation-kv";
 *
 * const kv = new KV();
 * await kv.incr("runs");
 * ```
 */

export { Batch } from "./batch.js";
export { Conditional, KV, type KVOptions } from "./client.js";
export { Cursor } from "./cursor.js";
export * from "./errors.js";
export { type ClaimOptions, Lease } from "./lease.js";
export { Result } from "./methods.js";
export type { TxnOptions } from "./transaction.js";
export type { Entry, Json, JsonPatchOperation, Lifetime, Page, Step, Usage, Written } from "./types.js";
