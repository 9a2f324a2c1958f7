// Plays recordings of `automation-kv simulate --record` in Node and prints the SHA-256 of the document that each leaves. Ends
// with 1 if one of them is not the recorded document.
//
//     node node.mjs FOLDER recording.json...
//
// FOLDER is what `jco transpile engine.wasm --instantiation async -o FOLDER` made.
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { load, play, verdict } from "./host.mjs";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not as a global

const [folder, ...files] = process.argv.slice(2);
if (files.length === 0) throw new Error("usage: node node.mjs FOLDER recording.json...");
const { instantiate } = await import(pathToFileURL(resolve(folder, "engine.js")));
const host = await load(instantiate, (file) => readFile(resolve(folder, file)));
for (const file of files) {
  const recording = JSON.parse(await readFile(file, "utf8"));
  const document = await play(host, recording);
  const { sha256, isSame } = await verdict(document, recording);
  if (!isSame) process.exitCode = 1;
  console.log(sha256, isSame ? "same" : "DIFFERENT", file);
}
