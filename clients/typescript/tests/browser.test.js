/** The built package in Chromium: it is imported as it is, and calls the service from another origin. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { end, remove, start, token } from "./service.js";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the page does; it sends what came of it to where it came from. */
const PAGE = (url, token) => `<!doctype html>
<script type="importmap">{ "imports": { "automation-kv": "/index.js" } }</script>
<script type="module">
  const report = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
  try {
    const { KV, Held, VersionMismatch } = await import("automation-kv");
    const kv = new KV({ url: ${JSON.stringify(url)}, token: ${JSON.stringify(token)} });
    await kv.set("config", { limit: 3 });
    const changed = await kv.txn("config", (config) => ({ ...config, limit: config.limit + 1 }));
    const fence = await kv.claim("leader", { ttlMs: 30_000 }, async (lease) => {
      const other = await kv.lease("leader", { ttlMs: 1_000 }).acquire().catch((error) => error);
      return other instanceof Held && lease.fence;
    });
    const batch = kv.batch();
    const runs = batch.incr("runs");
    await batch.send();
    const conflict = await kv.ifVersion(1).delete("runs").catch((error) => error);
    await kv.delete("config", { path: "limit" });
    report({ changed, fence, runs: runs.value, conflict: conflict instanceof VersionMismatch, keys: await kv.keys() });
  } catch (error) {
    report({ error: String(error) });
  }
</script>`;

test("the built package works in Chromium, from another origin", { timeout: 120_000 }, async () => {
  const service = await start();
  const profile = mkdtempSync(join(tmpdir(), "automation-kv-chromium-"));
  const { server, result } = await site(PAGE(service.url, token()));
  const address = `http://127.0.0.1:${server.address().port}/`;
  const flags = [...FLAGS, `--user-data-dir=${profile}`, address];
  const browser = spawn("chromium", flags, { stdio: "ignore", detached: true });
  const missing = new Promise((_, reject) => browser.on("error", reject));
  try {
    assert.deepEqual(await Promise.race([result, missing]), {
      changed: { limit: 4 },
      fence: 3,
      runs: 1,
      conflict: true,
      keys: ["config", "runs"],
    });
  } finally {
    await end(browser, { group: true });
    server.closeAllConnections();
    server.close();
    await service.stop();
    await remove(profile);
  }
});

/** Serves a page and the built package, and waits for what the page has to tell. */
async function site(page) {
  let tell;
  const result = new Promise((resolve) => (tell = resolve));
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end();
      tell(JSON.parse(body));
    } else if (request.url === "/") {
      response.setHeader("Content-Type", "text/html").end(page);
    } else if (/^\/\w+\.js$/.test(request.url)) {
      response.setHeader("Content-Type", "text/javascript").end(readFileSync(join(DIST, request.url)));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, result };
}
