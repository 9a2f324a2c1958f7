/** The service under test: the real binary, in a process of its own. */

import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { KV } from "automation-kv";

const SECRET = "a secret for tests, and for nothing else";
const BINARY =
  process.env.AUTOMATION_KV_BINARY ?? fileURLToPath(new URL("../../../target/release/automation-kv", import.meta.url));

/** A folder with the plugin rate-limiter of `examples/plugins`. */
const folder = process.env.AUTOMATION_KV_TEST_PLUGINS;
export const plugins = folder ? [`--plugins=${folder}`] : [];

/** A number that makes a test longer or shorter: `AUTOMATION_KV_TEST_<name>`. */
export function knob(name, otherwise) {
  return Number(process.env[`AUTOMATION_KV_TEST_${name}`] ?? otherwise);
}

/** A token for an automation, a new one unless named, as the platform signs it. */
export function token(automation = randomUUID(), claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const payload = { automation_id: automation, iat: now, exp: now + 3600, ...claims };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

/** The environment without anything that would change what a program of this repository does. */
export function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AUTOMATION|OPENHANDS)_/.test(name)));
}

/** Starts a service on a new database. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "automation-kv-"));
  const url = `sqlite://${join(folder, "state.db")}`;
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--database-url", url, ...plugins], {
    env: { ...environment(), AUTOMATION_KV_SECRET: SECRET },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const stop = async () => {
    await end(child);
    await remove(folder);
  };
  for await (const line of createInterface(child.stdout)) {
    const address = /^listening on (\S+)/.exec(line)?.[1];
    if (address) {
      const kv = (automation, options) => new KV({ url: address, token: token(automation), ...options });
      return { url: address, kv, stop };
    }
  }
  throw new Error("the service does not start");
}

/** Kills a program, or with `group` all that it has started as well, and waits for its end. */
export async function end(child, { group = false } = {}) {
  if (!child.pid || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  process.kill(group ? -child.pid : child.pid, "SIGKILL");
  await gone;
}

/** Removes a folder, into which killed processes that nobody waits for may write once more. */
export async function remove(folder) {
  for (const deadline = Date.now() + 10_000; ; await pause(50)) {
    try {
      return await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== "ENOTEMPTY" || Date.now() > deadline) throw error;
    }
  }
}

/** The answer of a service that refuses a request for now. */
export function refusal(retryAfter = 0) {
  const body = JSON.stringify({ error: "kv_store_busy", message: "another operation is in progress" });
  return new Response(body, { status: 409, headers: { "Retry-After": String(retryAfter) } });
}

/** A `fetch` that refuses some requests as the service does, and loses some answers after the service has acted. */
export function unreliable({ busy = 0, lost = 0, retryAfter = 0 }) {
  const fetch = async (...request) => {
    fetch.requests.push(request);
    if (Math.random() < busy) {
      fetch.refused += 1;
      return refusal(retryAfter);
    }
    const response = await globalThis.fetch(...request);
    if (Math.random() < lost) {
      fetch.swallowed += 1;
      await response.text();
      throw new TypeError("fetch failed", { cause: new Error("other side closed") });
    }
    return response;
  };
  return Object.assign(fetch, { requests: [], refused: 0, swallowed: 0 });
}
