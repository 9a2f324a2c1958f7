/** The package as it is handed out: it packs, installs into an empty folder, and is imported there. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { environment, start, token } from "./service.js";

const PACKAGE = fileURLToPath(new URL("../", import.meta.url));
const SCRIPT = `
import { KV } from "automation-kv";
const kv = new KV();
await kv.set("status", { ok: true });
console.log(await kv.incr("runs"), (await kv.get("status")).ok);
`;

let service;
let folder;
before(async () => {
  service = await start();
  folder = mkdtempSync(join(tmpdir(), "automation-kv-package-"));
});
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a five-line script runs with the packed package in an empty folder", () => {
  // `npm test` has built it.
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: PACKAGE });
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), '{ "name": "script", "private": true }');
  execFileSync("npm", ["install", "--offline", "--silent", "--no-audit", "--no-fund", archive], { cwd: folder });
  writeFileSync(join(folder, "script.mjs"), SCRIPT);
  const env = { ...environment(), AUTOMATION_API_URL: service.url, AUTOMATION_KV_TOKEN: token() };
  const printed = execFileSync(process.execPath, ["script.mjs"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(printed, "1 true\n");
  assert.ok(readdirSync(join(folder, "node_modules/automation-kv/dist")).includes("index.d.ts"));
});
