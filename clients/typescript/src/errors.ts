/**
 * What can go wrong, one class for each kind of handling. Every error of the service becomes one of these, with the
 * service's own text (docs/api.md lists all codes).
 */

/** What an error of the service carries. */
export interface ErrorDetails {
  /** The HTTP status; 0 where no answer came. */
  status?: number;
  /** The service's stable `error` code. */
  code?: string;
  /** The whole error object. */
  body?: Readonly<Record<string, unknown>>;
  /** What an operator finds in the log. */
  requestId?: string | undefined;
  /** When to try again, in milliseconds. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Anything that the store or its client refuses or fails to do. */
export class KVError extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Whether the answer to an earlier attempt at the same call was lost. */
  wasUncertain = false;
  /** How long to wait before another attempt, in milliseconds, where that is left to whoever called. */
  pauseMs: number | undefined = undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.status = details.status ?? 0;
    this.code = details.code ?? "";
    this.body = details.body ?? {};
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
  }

  protected number(name: string): number | undefined {
    const value = this.body[name];
    return typeof value === "number" ? value : undefined;
  }
}

/** There is no token or no address here, or the service has no secret. */
export class NotConfigured extends KVError {}

/** The token does not hold (401), or none was sent. */
export class Unauthorized extends KVError {}

/** The token's time is over: only a new run gets a new one. */
export class TokenExpired extends Unauthorized {}

/** The token holds and may not do this (403). */
export class Forbidden extends KVError {}

/** What was asked for is not there (404). */
export class NotFound extends KVError {}

/** There is no such key. */
export class KeyNotFound extends NotFound {}

/** The path leads nowhere in the value. */
export class PathNotFound extends NotFound {}

/** The automation was deleted (410) or is unknown (404): no call with this token will succeed. */
export class AutomationGone extends KVError {}

/** The call is wrong as it stands (400, 422): the message names what is. */
export class BadRequest extends KVError {}

/** The value is of another type than the operation works on. */
export class TypeMismatch extends BadRequest {}

/** One operation of a batch was refused, so none of it happened. */
export class BatchFailed extends KVError {
  /** The code that the operation would have got alone; `check_failed` for a check. */
  get reason(): string {
    return String(this.body.reason ?? "");
  }

  /** Which operation it was, from 0. */
  get operationIndex(): number {
    return this.number("operation_index") ?? 0;
  }
}

/** A condition did not hold (409, 412): somebody else was there first. Nothing was written. */
export class Conflict extends KVError {}

/** The state, or the key, was written since the version that the call named. */
export class VersionMismatch extends Conflict {
  /** The version that it has. */
  get actual(): number {
    return this.number("actual_version") ?? this.number("actual_key_version") ?? 0;
  }
}

/** `nx`, and the key exists. */
export class KeyExists extends Conflict {}

/** `xx`, and the key does not exist. */
export class KeyAbsent extends Conflict {}

/** The lease is another owner's. */
export class Held extends Conflict {
  /** Who has it. */
  get owner(): string {
    return String(this.body.owner ?? "");
  }

  /** That owner's fencing number. */
  get fence(): number {
    return this.number("fence") ?? 0;
  }
}

/** The lease is over, or another owner's. */
export class NotHeld extends Conflict {}

/** The lease ended while its work was under way: somebody else may have started beside it. */
export class LeaseLost extends NotHeld {}

/** The state, or a value, would exceed its limit (413). */
export class TooLarge extends KVError {
  /** How large it would have become. */
  get sizeBytes(): number {
    return this.number("size_bytes") ?? 0;
  }

  /** How large it may be. */
  get limitBytes(): number {
    return this.number("limit_bytes") ?? 0;
  }

  /** How much room the state has left; undefined where a single value or the request was too large. */
  get freeBytes(): number | undefined {
    return this.number("free_bytes");
  }
}

/** The service could not be reached, or did not do it in time, also when asked again. Nothing was written. */
export class Unavailable extends KVError {}

/** Too many others wrote to this automation, or called, at the same time. Nothing was written. */
export class Busy extends Unavailable {}

/** The service's disk is full (507): tell its operator, try again after minutes. Nothing was written. */
export class StorageFull extends Unavailable {}

/** The answer to a write got lost, and so did those to its repetitions: it may have happened or not. */
export class OutcomeUnknown extends Unavailable {}

/** A defect of the service (5xx): tell its operator the `requestId`. Nothing was written. */
export class ServiceError extends KVError {}
