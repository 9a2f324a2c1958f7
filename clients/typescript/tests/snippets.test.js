/** Every TypeScript snippet of the documents compiles and runs, each document's from top to bottom. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { environment, start, token } from "./service.js";

const PACKAGE = new URL("../", import.meta.url);
const ROOT = new URL("../../", PACKAGE);
// Within the package, so that its own name leads to it.
const FOLDER = new URL(".snippets/", PACKAGE);
const DOCUMENTS = ["clients/typescript/README.md", "docs/client-guide.md"];

const run = promisify(execFile);
let service;
before(async () => {
  service = await start();
  mkdirSync(FOLDER, { recursive: true });
});
after(async () => {
  await service.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

for (const [number, document] of DOCUMENTS.entries()) {
  test(`the snippets of ${document} run`, async () => {
    const text = readFileSync(new URL(document, ROOT), "utf8");
    const snippets = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
    assert.ok(snippets.length > 0);
    const source = fileURLToPath(new URL(`${number}.ts`, FOLDER));
    writeFileSync(source, snippets.join("\n"));
    const compiler = fileURLToPath(new URL("node_modules/.bin/tsc", PACKAGE));
    const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--types", ""];
    await run(compiler, [...options, "--ignoreConfig", source]).catch(({ stdout }) => assert.fail(stdout));
    const env = { ...environment(), AUTOMATION_API_URL: service.url, AUTOMATION_KV_TOKEN: token() };
    const { stderr } = await run(process.execPath, [source.replace(/ts$/, "js")], { env });
    // console.assert tells there.
    assert.equal(stderr, "");
  });
}
