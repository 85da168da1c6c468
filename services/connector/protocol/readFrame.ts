import type { ClientFrame } from "../../../gen/halley/v1/client.js";
import { RpcError } from "../../../lib/errors/rpcError.js";

/** A client frame, or, where one frame of a message is wrong, its id (0 when that can't be read either) and why. */
export type ReadFrame = { readonly ok: true; readonly frame: ClientFrame } | { readonly ok: false; readonly id: number; readonly error: RpcError };

/** Why a message that holds more frames than may come at once is not taken apart. */
export function tooManyFrames(maxFrames: number): RpcError {
  return new RpcError("TOO_MANY_FRAMES", `a message may hold ${String(maxFrames)} frames at most`);
}
