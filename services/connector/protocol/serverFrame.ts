import type { RpcError } from "../../../lib/errors/rpcError.js";
import type { Publication } from "../channel/publication.js";
import type { Close } from "./closeCodes.js";
import type { Position } from "./position.js";

/** The answer to a subscribe; inside `connected` without its channel. */
export interface SubscribedBody {
  readonly position: Position;
  readonly recovered: boolean;
  readonly publications: readonly Publication[];
}

/** A frame for one client. `id`: of the frame that it answers, 0 for what the server says by itself. */
export type ServerFrame =
  | { readonly kind: "connected"; readonly id: number; readonly session: string; readonly user: string; readonly pingIntervalMs: number; readonly subscriptions: ReadonlyMap<string, SubscribedBody> }
  | { readonly kind: "subscribed"; readonly id: number; readonly channel: string; readonly body: SubscribedBody }
  | { readonly kind: "unsubscribed"; readonly id: number; readonly channel: string; readonly reason: string }
  | { readonly kind: "published"; readonly id: number; readonly position: Position | undefined; readonly duplicate: boolean }
  | { readonly kind: "members"; readonly id: number; readonly users: readonly string[]; readonly sessions: number }
  | { readonly kind: "refreshed"; readonly id: number; readonly expiresAtMs: number | undefined }
  | { readonly kind: "error"; readonly id: number; readonly error: RpcError }
  | { readonly kind: "publication"; readonly publication: Publication }
  | { readonly kind: "reset"; readonly channel: string; readonly position: Position; readonly reason: string }
  | { readonly kind: "ping"; readonly positions: ReadonlyMap<string, Position> }
  | { readonly kind: "disconnect"; readonly close: Close; readonly afterMs: number };

/** How many publications a frame holds. */
export function countPublications(frame: ServerFrame): number {
  switch (frame.kind) {
    case "publication":
      return 1;
    case "subscribed":
      return frame.body.publications.length;
    case "connected":
      return [...frame.subscriptions.values()].reduce((sum, { publications }) => sum + publications.length, 0);
    default:
      return 0;
  }
}
