import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";

/** Bytes that are handed to HTTP/2 and not written, past which a call waits. */
const AHEAD_BYTES = 64 * 2 ** 10;

/**
 * Lets the responses of one turn go out together. grpc-js hands a response to HTTP/2 when the one before is written, which takes a
 * turn of the event loop and a system call for each; here the next may follow while some room is left.
 */
export const gatherResponses: ServerInterceptor = ({ responseStream }, call) => (responseStream ? new GatheringCall(call) : new ServerInterceptingCall(call));

class GatheringCall extends ServerInterceptingCall {
  #aheadBytes = 0;
  #goOn: (() => void) | undefined;

  override sendMessage(message: Buffer, onSent: () => void): void {
    this.#aheadBytes += message.length;
    super.sendMessage(message, () => {
      this.#aheadBytes -= message.length;
      const goOn = this.#goOn;
      this.#goOn = undefined;
      goOn?.();
    });
    if (this.#aheadBytes < AHEAD_BYTES) onSent();
    else this.#goOn = onSent;
  }
}
