/** A process that counts: `increments.js URL TOKEN COUNT`. */

import { KV } from "automation-kv";

const [url, token, count] = process.argv.slice(2);
const kv = new KV({ url, token, timeoutMs: 120_000 });
for (let number = 0; number < Number(count); number += 1) {
  await kv.txn("n", (n) => n + 1, { default: 0 });
}
