import { type Log, silentLog } from "../../lib/log.js";

/** A logger that keeps the fields of errors, and drops everything else. */
export function keepErrors(): { readonly log: Log; readonly errors: object[] } {
  const errors: object[] = [];
  return { log: { ...silentLog, error: (fields) => { errors.push(fields); } }, errors };
}
