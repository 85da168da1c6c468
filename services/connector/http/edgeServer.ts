import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { listenError } from "../../../lib/listenError.js";
import type { DemoSettings } from "../config.js";
import type { Limits } from "../limits.js";
import { Departure } from "../transport/poll/departure.js";
import { readBody } from "./body.js";
import type { DevTokens } from "./devTokens.js";
import type { Origins } from "./origins.js";
import { respondError, respondJson } from "./respond.js";
import type { StaticFiles } from "./staticFiles.js";

/** What the edge serves. */
export interface EdgeParts {
  readonly limits: Limits;
  readonly origins: Origins;
  readonly files: StaticFiles;
  /** In `halley dev` only. */
  readonly devTokens: DevTokens | undefined;
  readonly devSettings: DemoSettings | undefined;
  /** Takes over a socket. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Answers a poll's body. */
  readonly poll: (body: Buffer, client: Departure) => Promise<string>;
  /** WebSockets and waiting polls. */
  readonly connections: () => number;
  /** Why nobody may connect at the moment; undefined when they may. */
  readonly closedBecause: () => string | undefined;
  readonly explain: (thrown: unknown) => RpcError;
}

const WEBSOCKET_PATH = "/v1/websocket";
const POLL_PATH = "/v1/poll";
const DEV_TOKEN_PATH = "/dev/token";
const DEV_SETTINGS_PATH = "/dev/settings";
/** Connections that are neither a WebSocket nor a waiting poll: kept alive, or new. */
export const UNDECIDED_CONNECTIONS = 1_000;
/** Connections that may wait to be accepted, where the kernel allows so many. */
export const BACKLOG = 4_096;
const DEV_TOKEN_BODY_BYTES = 4 * 1024;

/** The HTTP side of a connector: WebSocket upgrades, polls, the SDK and, in `halley dev`, the demo. */
export class EdgeServer {
  readonly #parts: EdgeParts;
  readonly #server: Server;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
    this.#server = createServer(
      // A body must be there within 30 s; a poll's answer may take as long as its wait.
      { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => { respondError(response, parts.explain(error)); });
      },
    );
    // Beside those that count, some that have not said yet what they want.
    this.#server.maxConnections = parts.limits.connections + UNDECIDED_CONNECTIONS;
    this.#server.on("upgrade", (request, socket, head) => { this.#upgrade(request, socket, head); });
  }

  /** Listens; gives the port. Throws one sentence when it can't. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => { reject(listenError(error, { host, port, setting: "HALLEY_CONNECTOR_PORT" })); });
      this.#server.listen({ host, port, backlog: BACKLOG }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no new connections; the open ones go on. */
  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Ends what is still open. */
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until ws takes over, nobody else listens.
    socket.on("error", () => { socket.destroy(); });
    const refusal = this.#refusalOf(request, pathOf(request) === WEBSOCKET_PATH);
    if (!refusal) {
      this.#parts.upgrade(request, socket, head);
      return;
    }
    const { status, text, error } = refusal;
    const body = JSON.stringify({ error: { reason: error.reason, message: error.message } });
    // The client may never close its side, and no time-out of http watches an upgraded socket.
    socket.once("finish", () => { socket.destroy(); });
    const retry = error.retryAfterMs === undefined ? "" : "Retry-After: 1\r\n";
    socket.end(
      `HTTP/1.1 ${String(status)} ${text}\r\nContent-Type: application/json\r\n${retry}Connection: close\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    );
  }

  #refusalOf(request: IncomingMessage, isKnownPath: boolean): { status: number; text: string; error: RpcError } | undefined {
    const { origins, connections, limits, closedBecause } = this.#parts;
    if (!isKnownPath) return { status: 404, text: "Not Found", error: new RpcError("UNIMPLEMENTED", `WebSockets are at ${WEBSOCKET_PATH}`) };
    if (!origins.allows(request.headers.origin)) return { status: 403, text: "Forbidden", error: originRefused(request) };
    const closed = closedBecause() ?? (connections() >= limits.connections ? "this connector is full" : undefined);
    if (closed === undefined) return undefined;
    return { status: 503, text: "Service Unavailable", error: new RpcError("NOT_READY", closed, { retryAfterMs: 1_000 }) };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (request.method === "GET" && this.#parts.files.serve(path, response)) return;
    if (path === DEV_TOKEN_PATH && this.#parts.devTokens && request.method === "POST") {
      this.#allowOrigin(request, response);
      const body = await readBody(request, DEV_TOKEN_BODY_BYTES);
      respondJson(response, 200, await this.#parts.devTokens.issue(body));
      return;
    }
    if (path === DEV_SETTINGS_PATH && this.#parts.devSettings && request.method === "GET") {
      respondJson(response, 200, JSON.stringify(this.#parts.devSettings));
      return;
    }
    if (path === WEBSOCKET_PATH) {
      response.setHeader("upgrade", "websocket");
      respondError(response, new RpcError("UNIMPLEMENTED", `${WEBSOCKET_PATH} takes WebSocket upgrades only`), 426);
      return;
    }
    if (path !== POLL_PATH) {
      respondError(response, new RpcError("UNIMPLEMENTED", `nothing is served at ${request.method ?? ""} ${path}`), 404);
      return;
    }
    this.#allowOrigin(request, response);
    if (request.method === "OPTIONS") {
      response.writeHead(204, { "access-control-allow-methods": "POST", "access-control-allow-headers": "content-type", "access-control-max-age": "86400" });
      response.end();
      return;
    }
    if (request.method === "POST") {
      await this.#answerPoll(request, response);
      return;
    }
    response.setHeader("allow", "POST, OPTIONS");
    respondError(response, new RpcError("UNIMPLEMENTED", `${POLL_PATH} takes POST`), 405);
  }

  async #answerPoll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#refusalOf(request, true);
    if (refusal) throw refusal.error;
    const body = await readBody(request, this.#parts.limits.pollBodyBytes);
    const client = new Departure();
    response.once("close", () => { client.leave(); });
    respondJson(response, 200, await this.#parts.poll(body, client));
  }

  /** Lets the page read the answer, or throws ORIGIN_REFUSED. */
  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (!this.#parts.origins.allows(origin)) throw originRefused(request);
    if (origin === undefined) return;
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", "retry-after");
    response.setHeader("vary", "Origin");
  }
}

function originRefused(request: IncomingMessage): RpcError {
  return new RpcError("ORIGIN_REFUSED", `pages of ${request.headers.origin ?? "no origin"} may not connect`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0] ?? "/";
}
