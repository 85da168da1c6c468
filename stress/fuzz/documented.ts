import { CATALOGUE } from "../../lib/errors/catalogue.js";

/** The close codes of docs/PROTOCOL.md, and those that answer a client's own close. */
const CLOSE_CODES = new Set([3000, 3001, 3002, 3003, 3004, 3101, 3500, 3501, 3502, 3503, 3504, 1002, 1007, 1008, 1009]);
/** Explained, too, but never to be seen: the connector's own fault. */
const FAULT = 3005;
const KINDS = new Set(["connected", "subscribed", "unsubscribed", "publication", "reset", "published", "members", "refreshed", "ping", "error", "disconnect"]);

/** An error as any transport tells it. */
export interface ToldError {
  readonly code?: string;
  readonly reason?: string;
}

/** What is wrong with a reason; undefined where docs/errors.md has it and it is no fault. */
export function reasonFault({ code, reason = "" }: ToldError): string | undefined {
  if (!Object.hasOwn(CATALOGUE, reason)) return `the reason ${reason} is not in the catalogue`;
  const entry = CATALOGUE[reason as keyof typeof CATALOGUE];
  if (reason === "INTERNAL") return "a fault: INTERNAL";
  return code === undefined || code === entry.code ? undefined : `${reason} came as ${code}`;
}

/** What is wrong with a close code; `own`: the client's, which may be answered. */
export function closeFault(code: number, own?: number): string | undefined {
  if (code === FAULT) return `closed with ${String(code)}, a fault`;
  return CLOSE_CODES.has(code) || code === own ? undefined : `closed with ${String(code)}, which no page explains`;
}

/** What is wrong with a server frame in JSON. */
export function frameFault(frame: unknown): string | undefined {
  if (typeof frame !== "object" || frame === null) return "a frame is no object";
  const kinds = Object.keys(frame).filter((key) => key !== "id");
  const [kind = "none"] = kinds;
  if (kinds.length !== 1 || !KINDS.has(kind)) return `a frame holds ${kinds.join(", ")}`;
  const { error } = frame as { error?: ToldError };
  return error ? reasonFault(error) : undefined;
}
