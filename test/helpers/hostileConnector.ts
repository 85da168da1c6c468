import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

const SDK = "client/dist/halley.js";

/** Who knows the protocol, and does not keep it. */
export interface HostileConnector {
  readonly port: number;
  /** Whether it keeps to the protocol from now on. */
  isTame: boolean;
  /** Frames that it said, kept to or not. */
  readonly said: number;
  stop(): Promise<void>;
}

type Frame = Readonly<Record<string, unknown>>;
interface Request extends Frame {
  readonly id?: number;
  readonly connect?: object;
  readonly subscribe?: { readonly channel: string; readonly position?: { readonly offset: number } };
  readonly publish?: object;
}

/** Starts one on a free port of loopback, which serves the SDK, too; `random` gives numbers in [0, 1). The caller stops it. */
export async function startHostileConnector(random: () => number): Promise<HostileConnector> {
  const talk = new Talk(random);
  const server = createServer((request, response) => void serve(talk, request, response));
  const webSockets = new WebSocketServer({ server, path: "/v1/websocket" });
  webSockets.on("connection", (socket: WebSocket) => {
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString("utf8").split("\n")) socket.send(talk.answer(JSON.parse(line) as Request).map((frame) => JSON.stringify(frame)).join("\n"));
    });
    const chatter = setInterval(() => { socket.send(JSON.stringify(talk.say())); }, 5);
    socket.on("close", () => { clearInterval(chatter); });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get isTame() {
      return talk.isTame;
    },
    set isTame(isTame) {
      talk.isTame = isTame;
    },
    get said() {
      return talk.said;
    },
    async stop() {
      for (const socket of webSockets.clients) socket.terminate();
      webSockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What it says: mostly what a connector would, and then anything. */
class Talk {
  isTame = false;
  said = 0;
  #offset = 10;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  answer(request: Request): unknown[] {
    const { id, connect, subscribe, publish } = request;
    const at = { offset: this.#offset, epoch: "e" };
    if (connect) return this.#spoiled({ id, connected: { session: "s", user: "ada", pingIntervalMs: 1_000, subscriptions: {} } });
    if (subscribe) {
      const from = subscribe.position?.offset ?? this.#offset;
      const publications = Array.from({ length: this.#offset - from }, (_, index) => ({ channel: subscribe.channel, offset: from + index + 1, data: from + index + 1 }));
      return this.#spoiled({ id, subscribed: { channel: subscribe.channel, position: at, recovered: true, publications } });
    }
    if (publish) return this.#spoiled({ id, published: { position: at } });
    return id === undefined ? [] : this.#spoiled({ id, refreshed: {} });
  }

  /** The next publication, or something else. */
  say(): unknown {
    if (this.#random() < 0.5) this.#offset += 1;
    return this.#spoiled({ publication: { channel: "chat.lobby", offset: this.#offset, data: this.#offset } })[0];
  }

  #spoiled(frame: Frame): unknown[] {
    this.said += 1;
    if (this.isTame || this.#random() < 0.9) return [frame];
    const pick = (choices: readonly unknown[]): unknown => choices[Math.floor(this.#random() * choices.length)];
    const junk = pick([null, 0, -1, 1e300, "text", [], {}, [null], { offset: "x" }, true]);
    const body = Object.keys(frame).find((key) => key !== "id") ?? "ping";
    return [
      pick([
        junk,
        { ...frame, [body]: junk },
        { ...frame, id: Math.floor(this.#random() * 20) },
        { ...frame, [body]: { ...(frame[body] as object), [String(pick(["offset", "position", "publications", "channel", "session", "pingIntervalMs"]))]: junk } },
        { publication: { channel: "chat.lobby", offset: Math.floor(this.#random() * this.#offset), data: -1 } },
        { ping: { positions: { chat: { offset: 1_000_000, epoch: "other" } } } },
        { ping: { positions: junk } },
        { id: frame["id"], error: junk },
        { disconnect: junk },
        { disconnect: { code: 3000, afterMs: junk === 1e300 ? 50 : junk } },
        { hologram: junk },
      ]),
      frame,
    ];
  }
}

async function serve(talk: Talk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/halley.js") {
    response.setHeader("Content-Type", "text/javascript").end(readFileSync(SDK));
  } else if (request.url === "/v1/poll") {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.end(JSON.stringify(pollAnswer(talk, JSON.parse(body) as { frames: Request[]; positions: Record<string, { offset: number }> })));
  } else {
    response.setHeader("Content-Type", "text/html").end("<!doctype html><script src=/halley.js></script>");
  }
}

/** One answer: to each frame, then what came since the position that was brought. */
function pollAnswer(talk: Talk, { frames, positions }: { frames: Request[]; positions: Record<string, { offset: number }> }): unknown {
  const answers = frames.flatMap((frame) => talk.answer(frame));
  const subscribed = answers.map((answer) => (answer as { subscribed?: { position?: { offset: number } } } | null)?.subscribed?.position);
  const stands = positions["chat.lobby"] ?? subscribed.find((position) => typeof position === "object");
  const news = positions["chat.lobby"] ? [talk.say()] : [];
  const offset = news.reduce<number>((newest, frame) => (frame as { publication?: { offset?: number } } | null)?.publication?.offset ?? newest, stands?.offset ?? 0);
  return { session: "s", frames: [...answers, ...news], positions: stands ? { "chat.lobby": { offset, epoch: "e" } } : {} };
}
