import { clientFrame } from "../frameReader.js";
import type { Dialect } from "./dialect.js";

const OPEN = 0x30;
const PING = 0x32;
const MESSAGE = 0x34;
const CONNECTED = 0x30;
const EVENT = 0x32;
const PONG = clientFrame("3");

/** Socket.IO 4: engine.io's packets on a WebSocket from the start; the server joins us to the room that we name when we connect. */
export const socketIo: Dialect = {
  upgrade: () => ({ path: "/socket.io/?EIO=4&transport=websocket" }),
  converse: ({ channel }, { publication, subscribed, send }) => ({
    begin: () => undefined,
    hear: (bytes, from, to) => {
      const kind = bytes[from];
      const packet = bytes[from + 1];
      if (kind === MESSAGE && packet === EVENT) publication(bytes, from, to);
      else if (kind === MESSAGE && packet === CONNECTED) subscribed();
      else if (kind === PING) send(PONG);
      else if (kind === OPEN) send(clientFrame(`40${JSON.stringify({ channel })}`));
      else throw new Error(`unexpected: ${bytes.toString("utf8", from, Math.min(to, from + 500))}`);
    },
  }),
};
