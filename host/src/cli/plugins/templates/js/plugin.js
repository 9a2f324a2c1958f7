// A plugin of Automation KV: counts visits, up to a number.
import { execute } from "automation:kv/kv@1.0.0";

const INPUT = {
  type: "object",
  properties: {
    key: { type: "string", minLength: 1 },
    most: { type: "integer", minimum: 1 },
  },
  required: ["key"],
  additionalProperties: false,
};

const OUTPUT = {
  type: "object",
  properties: { visits: { type: "integer" }, is_last: { type: "boolean" } },
  required: ["visits", "is_last"],
  additionalProperties: false,
};

export const operationPlugin = {
  describe: () => ({
    name: "{{name}}",
    version: "0.1.0",
    documentation: "Counts visits, up to a number.",
    inputSchema: JSON.stringify(INPUT),
    outputSchema: JSON.stringify(OUTPUT),
    writes: true,
  }),

  invoke(text) {
    const { key, most = 10 } = JSON.parse(text);
    const visits = increment(key);
    // Undoes the increment.
    if (visits > most) throw failure("conflict", `there were ${most} visits already`);
    return JSON.stringify({ visits, is_last: visits === most });
  },
};

function increment(key) {
  try {
    const [outcome] = execute([{ tag: "increment", val: { key, by: "1" } }]);
    return Number(outcome.val);
  } catch (error) {
    throw failure("rejected", error.payload ?? error);
  }
}

/** The error of `invoke`: a case of the variant `plugin-error`. */
const failure = (tag, val) => ({ tag, val });
