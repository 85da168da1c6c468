import { pino } from "pino";

/** Structured logger: `log.info({ channel }, "sentence")`. One line per event that an operator acts on. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines all carry `fields`. */
  child(fields: object): Log;
}

/** Fields that may hold a secret: redacted at the top of a line and one level below. Deeper ones must not be logged. */
const SECRET_FIELDS = ["token", "secret", "authorization", "apiKey", "password"];

/**
 * JSON lines on standard error, so that standard output stays with what a command prints. `err` fields are written with
 * their stack and causes; secrets are redacted.
 */
export function createLog(service: string, level: string): Log {
  return pino(
    { name: service, level, redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" } },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** A logger that drops everything. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
