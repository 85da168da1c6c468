import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Running } from "../lifecycle.js";
import { listenError } from "../listenError.js";
import type { Log } from "../log.js";
import type { Metrics } from "./metrics.js";
import type { Readiness } from "./readiness.js";

/** Connections at a time: scrapers and probes are few. */
const MAX_CONNECTIONS = 64;
/** A request that is not complete after this long is cut. */
const REQUEST_TIMEOUT_MS = 5_000;

/** What to show, and where. */
export interface OpsServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The environment variable that sets the port; for the sentence about a port in use. */
  readonly portSetting: string;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly log: Log;
}

/**
 * What operators and orchestrators ask, over HTTP: `/healthz` (200 while the process answers), `/readyz` (200, or 503 and a
 * reason a line), `/metrics` (Prometheus).
 */
export class OpsServer implements Running {
  readonly #server: Server;
  readonly #options: OpsServerOptions;

  private constructor(options: OpsServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        options.log.error({ err: error, url: request.url }, "an ops request could not be answered");
        response.destroy();
      });
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Resolves when the port is bound. Throws one sentence when it can't be. */
  static async start(options: OpsServerOptions): Promise<OpsServer> {
    const ops = new OpsServer(options);
    const { host, port, portSetting } = options;
    await new Promise<void>((resolve, reject) => {
      ops.#server.once("error", (error) => { reject(listenError(error, { host, port, setting: portSetting })); });
      ops.#server.listen(port, host, resolve);
    });
    return ops;
  }

  /** The bound port. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Closes at once, with the connections that are open. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, readiness } = this.#options;
    if (request.method !== "GET" && request.method !== "HEAD") {
      reply(response, 405, "only GET is answered here\n");
      return;
    }
    switch (request.url?.split("?")[0]) {
      case "/healthz":
        reply(response, 200, "alive\n");
        return;
      case "/readyz": {
        const reasons = readiness.reasons();
        reply(response, reasons.length === 0 ? 200 : 503, reasons.length === 0 ? "ready\n" : `${reasons.join("\n")}\n`);
        return;
      }
      case "/metrics":
        reply(response, 200, await metrics.text(), metrics.contentType);
        return;
      default:
        reply(response, 404, "/healthz, /readyz and /metrics are here\n");
    }
  }
}

function reply(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
