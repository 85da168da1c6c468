import { HalleyError } from "./errors.js";
import { type LinkEnd } from "./transport.js";

/** What to do after a link has ended. */
export type Verdict = "again" | "again-with-new-token" | "never";

const TOKEN_EXPIRED = 3101;
const REPLACED = 3500;
/** WebSocket's own codes for what we sent: sending it again would end the same way. */
const OUR_FAULT = new Set([1007, 1009]);

/**
 * Reads the close code: 3000-3499 come back (3101 with a new token), 3500-3999 don't; a broken network comes back. `mayPoll`:
 * a poll of ours may be under way still, and be what the link was replaced by.
 */
export function verdictOf({ code, reconnect }: LinkEnd, isTokenRenewable: boolean, mayPoll = false): Verdict {
  if (code === REPLACED && mayPoll) return "again";
  if (code === TOKEN_EXPIRED) return isTokenRenewable ? "again-with-new-token" : "never";
  if (reconnect !== undefined) return reconnect ? "again" : "never";
  return (code >= 3500 && code <= 3999) || OUR_FAULT.has(code) ? "never" : "again";
}

/** The error that tells the app why a link has ended. */
export function errorOfEnd(end: LinkEnd, verdict: Verdict): HalleyError {
  const why = end.reason === "" ? "the connection ended" : end.reason;
  const text = end.code === 0 ? why : `${why} (close code ${end.code})`;
  return verdict === "never"
    ? HalleyError.local("FAILED_PRECONDITION", "REFUSED", text)
    : HalleyError.local("UNAVAILABLE", "CONNECTION_LOST", text, { retryable: true });
}

/** A refused sign-in as the end of its link. */
export function endOfSignIn(error: HalleyError): LinkEnd {
  if (error.reason === "TOKEN_EXPIRED") return { code: TOKEN_EXPIRED, reason: error.message };
  return { code: 0, reason: error.message, reconnect: error.retryable };
}
