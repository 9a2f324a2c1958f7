// Makes the component: the plugin, and a JavaScript engine in which nothing but it runs.
import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [wit, output] = process.argv.slice(2);
const { component } = await componentize(await readFile(new URL("plugin.js", import.meta.url), "utf8"), {
  witPath: wit,
  worldName: "plugin",
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(output, component);
