/** A call as an HTTP request. No input or output here. */

import { type Call, type Members, writes } from "./calls.js";

/** What is sent; `target` follows the base URL. */
export interface HttpRequest {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** What a `PUT` takes in its query; the body is the value alone. */
const PUT_QUERY = ["nx", "xx", "px", "exat", "keepttl"];

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  json_patch: "application/json-patch+json",
  merge_patch: "application/merge-patch+json",
};

/** The request that a call is. */
export function requestOf(call: Call<unknown>, token: string, idempotencyKey: string): HttpRequest {
  const { method, path, query, body } = route(call);
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  if (call.ifVersion !== undefined) parameters.set("if_version", String(call.ifVersion));
  if (call.ifKeyVersion !== undefined) parameters.set("if_key_version", String(call.ifKeyVersion));
  const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = CONTENT_TYPES[call.op] ?? "application/json";
  if (writes(call)) headers["Idempotency-Key"] = idempotencyKey;
  const search = parameters.size > 0 ? `?${parameters}` : "";
  const base = call.op === "call" ? "/v1/plugins" : "/v1/kv";
  return { method, target: `${base}${path}${search}`, headers, body };
}

function route(call: Call<unknown>): { method: string; path: string; query: Members; body?: string } {
  const { op, members } = call;
  if (op === "list") return { method: "GET", path: "", query: members };
  if (op === "batch") return { method: "POST", path: "/batch", query: {}, body: JSON.stringify(members) };
  const path = `/${segment(call.key)}`;
  switch (op) {
    case "read":
      return { method: "GET", path, query: members };
    case "len":
    case "range":
      return { method: "GET", path: `${path}/${op}`, query: members };
    case "delete":
      return { method: "DELETE", path, query: members };
    case "set": {
      const query = Object.fromEntries(Object.entries(members).filter(([name]) => PUT_QUERY.includes(name)));
      return { method: "PUT", path, query, body: text(members.value) };
    }
    case "patch":
    case "json_patch":
    case "merge_patch": {
      const { create, ...rest } = members;
      const body = text("document" in rest ? rest.document : rest);
      return { method: "PATCH", path, query: create ? { create: true } : {}, body };
    }
    case "call":
      return { method: "POST", path, query: {}, body: text(members.input) };
    default:
      return { method: "POST", path: `${path}/${op}`, query: {}, body: text(members) };
  }
}

function text(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("undefined is no JSON: store null, or delete the key");
  return json;
}

function segment(key: string): string {
  if (key === "." || key === "..") {
    throw new TypeError(`the key "${key}" cannot stand in a URL, which would lose it: use a batch, or another key`);
  }
  return encodeURIComponent(key);
}
