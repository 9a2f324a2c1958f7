/** Where the service is and who asks: from the environment that the platform sets, where there is one. */

import { NotConfigured } from "./errors.js";

/** The path under which the platform serves the automation API. */
const PLATFORM_PATH = "/api/automation";

/** The token that was given, or `AUTOMATION_KV_TOKEN`. */
export function tokenOf(given: string | undefined): string {
  const token = (given ?? variable("AUTOMATION_KV_TOKEN") ?? "").trim();
  if (!token) {
    throw new NotConfigured(
      "no token: AUTOMATION_KV_TOKEN is not set. The platform sets it for each run; on a machine of your own use " +
        "`automation-kv token`; in a browser pass { token }",
    );
  }
  return token;
}

/** The address that `/v1/kv` follows: the one given, or the first that the environment names. */
export function baseUrlOf(given: string | undefined): string {
  const url = given ?? fromEnvironment();
  if (!url) {
    throw new NotConfigured(
      "no address: none of AUTOMATION_API_URL, OPENHANDS_CLOUD_API_URL and AUTOMATION_CALLBACK_URL is set; " +
        "in a browser pass { url }",
    );
  }
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new NotConfigured(`"${url}" is no address of a service: it must begin with http:// or https://`);
  }
  return withoutSlash(url);
}

function fromEnvironment(): string | undefined {
  const url = variable("AUTOMATION_API_URL");
  if (url) return url;
  const cloud = variable("OPENHANDS_CLOUD_API_URL");
  if (cloud) {
    const base = withoutSlash(cloud);
    return base.endsWith(PLATFORM_PATH) ? base : base + PLATFORM_PATH;
  }
  const callback = variable("AUTOMATION_CALLBACK_URL");
  return callback ? new URL(callback).origin + PLATFORM_PATH : undefined;
}

/** An environment variable, where there is an environment. */
export function variable(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
