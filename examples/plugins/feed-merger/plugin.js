// Merges the items of a feed into those that are there, by their ids, and keeps the newest 100.
//
// Under the key is the list of the items, newest first.
import { execute } from "automation:kv/kv@1.0.0";

const MOST = 100;

const INPUT = {
  type: "object",
  properties: {
    key: { type: "string", minLength: 1, description: "Where the items are kept." },
    items: {
      type: "array",
      maxItems: 1000,
      items: {
        type: "object",
        properties: {
          id: { type: "string", minLength: 1 },
          published: { type: ["string", "number"], description: "RFC 3339 text, or milliseconds since 1970." },
        },
        required: ["id", "published"],
      },
    },
  },
  required: ["key", "items"],
  additionalProperties: false,
};

const count = { type: "integer", minimum: 0 };
const OUTPUT = {
  type: "object",
  properties: { added: count, updated: count, kept: count },
  required: ["added", "updated", "kept"],
  additionalProperties: false,
};

export const operationPlugin = {
  describe: () => ({
    name: "feed-merger",
    version: "1.0.0",
    documentation: `Merges the items of a feed by their ids and keeps the newest ${MOST}.`,
    inputSchema: JSON.stringify(INPUT),
    outputSchema: JSON.stringify(OUTPUT),
    writes: true,
  }),

  invoke(text) {
    const { key, items } = JSON.parse(text);
    const before = stored(key);
    const merged = new Map(before.map((item) => [item.id, item]));
    const ids = new Set(items.map((item) => item.id));
    for (const item of items) {
      time(item, "invalid-input");
      merged.set(item.id, { ...merged.get(item.id), ...item });
    }
    // Of the same age, those that were there first stay first.
    const newestFirst = [...merged.values()].sort((one, other) => time(other) - time(one));
    const kept = newestFirst.slice(0, MOST);
    const value = JSON.stringify(kept);
    if (value !== JSON.stringify(before)) {
      perform({ tag: "set", val: { key, value, condition: "always", expiry: { tag: "keep" } } });
    }
    const known = new Set(before.map((item) => item.id));
    const added = kept.filter((item) => ids.has(item.id) && !known.has(item.id)).length;
    const updated = kept.filter((item) => ids.has(item.id) && known.has(item.id)).length;
    return JSON.stringify({ added, updated, kept: kept.length });
  },
};

/** The items that are there; none if the key is not. */
function stored(key) {
  let outcome;
  try {
    [outcome] = execute([{ tag: "get", val: { key } }]);
  } catch (error) {
    const rejection = error.payload ?? error;
    if (rejection.reason?.tag === "key-not-found") return [];
    throw failure("rejected", rejection);
  }
  const items = JSON.parse(outcome.val.value);
  const isItem = (item) => typeof item?.id === "string" && item.published !== undefined;
  if (!Array.isArray(items) || !items.every(isItem)) {
    throw failure("conflict", `the value of ${JSON.stringify(key)} is no list of items`);
  }
  return items;
}

function perform(operation) {
  try {
    execute([operation]);
  } catch (error) {
    throw failure("rejected", error.payload ?? error);
  }
}

/** When an item was published, in milliseconds since 1970. */
function time(item, blame = "conflict") {
  const { published } = item;
  const milliseconds = typeof published === "number" ? published : Date.parse(published);
  if (Number.isNaN(milliseconds)) throw failure(blame, `${JSON.stringify(published)} is no time`);
  return milliseconds;
}

/** The error of `invoke`: a case of the variant `plugin-error`. */
const failure = (tag, val) => ({ tag, val });
