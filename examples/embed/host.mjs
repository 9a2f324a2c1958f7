// A host for the engine component in JavaScript, for Node and browsers alike: its two imports, and a session from `open` to
// `commit`. Runs what `jco transpile --instantiation async` makes of `engine.wasm`.

const STORAGE = "automation:kv/storage";
const VAULT = "automation:kv/vault";
const TYPES = "automation:kv/types";

/** The compiled component. `readCore` gives the bytes of one of its core modules, by the name of its file. */
export async function load(instantiate, readCore) {
  const modules = new Map();
  const module = (file) => {
    if (!modules.has(file)) modules.set(file, readCore(file).then((bytes) => WebAssembly.compile(bytes)));
    return modules.get(file);
  };
  return { session: (document, sealedAt) => session(instantiate, module, document, sealedAt) };
}

/** One automation's record, and an instance that works on it. A vault that encrypts would do so in `seal` and `open`. */
async function session(instantiate, module, document, sealedAt) {
  const sealed = document ? [document] : [];
  const result = { engine: null, saved: null };
  const imports = {
    [STORAGE]: {
      load: () => (document ? 0 : undefined),
      save: (number, expiresAt) => {
        result.saved = sealed[number];
      },
    },
    [VAULT]: {
      open: (number) => ({ plain: sealed[number], sealedAt: BigInt(sealedAt) }),
      seal: (plain) => sealed.push(new Uint8Array(plain)) - 1,
    },
    [TYPES]: {},
  };
  result.engine = (await instantiate(module, imports)).engine;
  return result;
}

/** A value of a recording, as the component takes it: members are in camel case, and no value is `undefined`. */
export function wit(value) {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(wit);
  if (typeof value !== "object") return value;
  const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [camel(name), wit(inner)]));
}

/** The document that a recording leaves: what was saved, or what was there if nothing was. */
export async function play(host, recording) {
  const document = decode(recording.state);
  const session = await host.session(document, recording["sealed-at"]);
  const { engine } = session;
  engine.open(wit(recording.limits), BigInt(recording.now));
  for (const request of recording.requests) {
    try {
      engine.execute(wit(request));
    } catch (error) {
      if (error.payload === undefined) throw error; // a crash; a rejection has a payload and is part of what was recorded
    }
  }
  engine.commit();
  return session.saved ?? document ?? new Uint8Array();
}

/** Bytes in base64; none of none. */
export function decode(text) {
  return text === null ? null : Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The SHA-256 of a document in hexadecimal digits, and whether it is the recorded one, byte for byte. */
export async function verdict(document, recording) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", document));
  const expected = decode(recording.document) ?? new Uint8Array();
  const isSame = document.length === expected.length && document.every((byte, at) => byte === expected[at]);
  return { sha256: [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join(""), isSame };
}
