/** Where the client looks for the service and the token. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { KV, NotConfigured } from "automation-kv";

/** The address that a client with this environment calls. */
async function called(variables) {
  for (const name of Object.keys(process.env)) if (/^(AUTOMATION|OPENHANDS)_/.test(name)) delete process.env[name];
  Object.assign(process.env, variables);
  let url;
  const fetch = async (target) => {
    url = target;
    return Response.json({ key: "n", value: 1, version: 1 });
  };
  await new KV({ token: "x", fetch }).incr("n");
  return url.replace("/v1/kv/n/incr", "");
}

test("the address is the first that the environment names", async () => {
  const platform = "https://app.example/api/automation";
  assert.equal(await called({ AUTOMATION_API_URL: "http://kv:8420/" }), "http://kv:8420");
  assert.equal(await called({ AUTOMATION_API_URL: platform }), platform);
  assert.equal(await called({ OPENHANDS_CLOUD_API_URL: "https://app.example" }), platform);
  assert.equal(await called({ OPENHANDS_CLOUD_API_URL: platform }), platform);
  assert.equal(await called({ AUTOMATION_CALLBACK_URL: `${platform}/v1/runs/7/complete` }), platform);
  const others = { OPENHANDS_CLOUD_API_URL: "http://2", AUTOMATION_CALLBACK_URL: "http://3" };
  assert.equal(await called({ AUTOMATION_API_URL: "http://1", ...others }), "http://1");
});

test("an address of something else is told", async () => {
  const fetch = async () => new Response("<html>");
  const kv = new KV({ url: "http://kv", token: "x", fetch });
  await assert.rejects(kv.get("n"), /is the address that of the service/);
});

test("what is missing is named", async () => {
  await assert.rejects(called({}), NotConfigured);
  await assert.rejects(called({}), /AUTOMATION_API_URL/);
  await assert.rejects(called({ AUTOMATION_API_URL: "kv:8420" }), /"kv:8420" is no address/);
  assert.throws(() => new KV({ url: "http://kv" }), /AUTOMATION_KV_TOKEN is not set/);
});
