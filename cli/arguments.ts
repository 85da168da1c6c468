import { InvalidArgumentError } from "commander";
import { userIdFault } from "../lib/channel/userToken.js";

/** Reads a user id, for commander. */
export function readUser(text: string): string {
  const fault = userIdFault(text);
  if (fault !== undefined) throw new InvalidArgumentError(`The user id ${fault}.`);
  return text;
}

/** Reads the address of a gRPC service, for commander. */
export function readAddress(text: string): string {
  const port = /^(?:[^\s:/[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(text)?.[1];
  if (port === undefined || Number(port) > 65_535) throw new InvalidArgumentError("Write host:port, like 127.0.0.1:50051.");
  return text;
}

/** Reads the address of a WebSocket, for commander. */
export function readWebSocketUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["ws:", "wss:"].includes(url.protocol) || url.hash !== "") throw new InvalidArgumentError("Write ws://host:port/v1/websocket or wss://…");
  return text;
}
