/** Which error an answer stands for. */

import {
  AutomationGone,
  BadRequest,
  BatchFailed,
  Busy,
  Conflict,
  type ErrorDetails,
  Forbidden,
  Held,
  type KVError,
  KeyAbsent,
  KeyExists,
  KeyNotFound,
  NotConfigured,
  NotFound,
  NotHeld,
  OutcomeUnknown,
  PathNotFound,
  ServiceError,
  StorageFull,
  TokenExpired,
  TooLarge,
  TypeMismatch,
  Unauthorized,
  Unavailable,
  VersionMismatch,
} from "./errors.js";

type Kind = new (message: string, details?: ErrorDetails) => KVError;

const BY_CODE: Readonly<Record<string, Kind>> = {
  not_configured: NotConfigured,
  missing_authorization: Unauthorized,
  token_expired: TokenExpired,
  key_not_found: KeyNotFound,
  automation_not_found: AutomationGone,
  automation_deleted: AutomationGone,
  type_mismatch: TypeMismatch,
  operation_failed: BatchFailed,
  version_mismatch: VersionMismatch,
  key_version_mismatch: VersionMismatch,
  key_exists: KeyExists,
  key_not_exists: KeyAbsent,
  held: Held,
  not_held: NotHeld,
  kv_store_busy: Busy,
  overloaded: Busy,
  outcome_unknown: OutcomeUnknown,
};

const BY_STATUS: Readonly<Record<number, Kind>> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  410: AutomationGone,
  412: Conflict,
  413: TooLarge,
  429: Busy,
  502: Unavailable,
  503: Unavailable,
  504: Unavailable,
  507: StorageFull,
};

/** The error that an answer stands for. */
export function errorOfAnswer(status: number, body: Record<string, unknown>, headers: Headers): KVError {
  const code = typeof body.error === "string" ? body.error : "";
  const isPath = code === "invalid_path" && status === 404;
  const otherwise = status >= 500 ? ServiceError : BadRequest;
  const kind = isPath ? PathNotFound : (BY_CODE[code] ?? BY_STATUS[status] ?? otherwise);
  let message = String(body.message ?? body.detail ?? `the service answered ${status}`);
  if (typeof body.free_bytes === "number") message += `; ${body.free_bytes} bytes are free`;
  const retryAfter = headers.get("retry-after");
  return new kind(code ? `${code}: ${message}` : message, {
    status,
    code,
    body,
    requestId: headers.get("x-request-id") ?? undefined,
    // The other form, a date, is of no use without a clock that agrees.
    retryAfterMs: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined,
  });
}
