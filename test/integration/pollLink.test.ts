import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Positions, type ServerFrame } from "../../client/src/frames.js";
import { pollTransport } from "../../client/src/poll.js";
import { type Link, type LinkEnd } from "../../client/src/transport.js";
import { systemClock } from "../../lib/clock.js";
import { eventually } from "../helpers/eventually.js";

interface Poll {
  readonly body: { session?: string; token: string; seq: number; frames: { id?: number }[]; positions: Positions; waitMs: number };
  answer(frames: ServerFrame[], positions: Positions): void;
  refuse(status: number, error: object, headers?: Record<string, string>): void;
  /** Takes the connection away without an answer. */
  drop(): void;
}

const at = (offset: number, epoch = "e"): { offset: number; epoch: string } => ({ offset, epoch });
const publication = (channel: string, offset: number): ServerFrame => ({ publication: { channel, offset, data: offset } });
const TOKEN = `x.${Buffer.from('{"sub":"ada"}').toString("base64url")}.x`;

/** The link's side of the wire: a real HTTP server whose answers the test gives by hand. */
class Connector {
  readonly polls: Poll[] = [];
  readonly contentTypes = new Set<string | undefined>();
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    this.contentTypes.add(request.headers["content-type"]);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => this.polls.push(pollOf(Buffer.concat(chunks).toString(), response)));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  poll(number: number): Promise<Poll> {
    return eventually(() => this.polls[number]);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function pollOf(text: string, response: ServerResponse): Poll {
  return {
    body: JSON.parse(text) as Poll["body"],
    answer: (frames, positions) => response.end(JSON.stringify({ session: "s1", frames, positions })),
    refuse: (status, error, headers = {}) => response.writeHead(status, headers).end(JSON.stringify({ error })),
    drop: () => response.destroy(),
  };
}

describe("poll link", () => {
  const connector = { now: new Connector() };
  let link: Link;
  let frames: ServerFrame[];
  let raised: Positions[];
  let ends: LinkEnd[];

  beforeEach(async () => {
    connector.now = new Connector();
    frames = [];
    raised = [];
    ends = [];
    link = pollTransport(await connector.now.start(), systemClock).open({
      onOpen: () => undefined,
      onAlive: () => undefined,
      onFrame: (frame) => frames.push(frame),
      onPositions: (positions) => raised.push(positions),
      onEnd: (end) => ends.push(end),
    });
  });

  afterEach(async () => {
    link.close(false);
    await connector.now.stop();
  });

  const connect = (positions: Positions = {}): void => link.send({ id: 1, connect: { token: TOKEN, positions } });

  async function connected(): Promise<void> {
    connect();
    (await connector.now.poll(0)).answer([], { all: at(3), "user.ada": at(0) });
    await connector.now.poll(1);
    frames.length = 0;
  }

  it("signs in by its first poll, and shows the answer as connected", async () => {
    connect({ all: at(2) });
    const first = await connector.now.poll(0);
    expect(first.body).toEqual({ token: TOKEN, seq: 1, frames: [], positions: { all: at(2) }, waitMs: 0 });
    first.answer([publication("all", 3), publication("user.ada", 8)], { all: at(5), "user.ada": at(9) });
    const second = await connector.now.poll(1);
    expect(frames[0]?.connected).toMatchObject({
      session: "s1",
      user: "ada",
      subscriptions: { all: { position: at(2), recovered: true }, "user.ada": { position: at(7), recovered: true } },
    });
    expect(frames.slice(1)).toEqual([publication("all", 3), publication("user.ada", 8)]);
    expect(raised).toEqual([{ all: at(5), "user.ada": at(9) }]);
    expect(second.body).toEqual({ session: "s1", token: TOKEN, seq: 2, frames: [], positions: { all: at(5), "user.ada": at(9) }, waitMs: 25_000 });
    expect([...connector.now.contentTypes]).toEqual(["text/plain"]);
  });

  it("says of the channels that the connector holds whether they were recovered", async () => {
    connect({ all: at(2) });
    (await connector.now.poll(0)).answer([{ reset: { channel: "all", position: at(9, "new"), reason: "HISTORY_LOST" } }], { all: at(9, "new") });
    await connector.now.poll(1);
    expect(frames).toMatchObject([{ connected: { subscriptions: { all: { position: at(9, "new"), recovered: false } } } }]);
  });

  it("lets subscribe frames travel with the first poll, so that no channel is left for a moment", async () => {
    connect();
    link.send({ id: 2, subscribe: { channel: "chat.a", position: at(10) } });
    const first = await connector.now.poll(0);
    expect(first.body.frames).toEqual([{ id: 2, subscribe: { channel: "chat.a", position: at(10) } }]);
    first.answer([{ id: 2, subscribed: { channel: "chat.a", position: at(12), recovered: true } }], { all: at(0), "chat.a": at(12) });
    expect((await connector.now.poll(1)).body.positions).toEqual({ all: at(0), "chat.a": at(12) });
  });

  it("bundles what comes fast", async () => {
    await connected();
    const started = Date.now();
    for (let number = 1; number <= 8; number += 1) (await connector.now.poll(number)).answer([publication("all", 3 + number)], { all: at(3 + number) });
    await connector.now.poll(9);
    expect(Date.now() - started).toBeGreaterThanOrEqual(7 * 25);
  });

  it("sends what is new at once by a poll that overtakes the waiting one, whose answer then counts for nothing", async () => {
    await connected();
    link.send({ id: 2, subscribe: { channel: "chat.a" } });
    link.send({ id: 3, publish: { channel: "chat.a", data: 1, key: "k" } });
    const third = await connector.now.poll(2);
    expect(third.body.seq).toBe(3);
    expect(third.body.frames.map(({ id }) => id)).toEqual([2, 3]);
    (await connector.now.poll(1)).answer([publication("all", 4)], { all: at(4), "user.ada": at(0) });
    third.answer([publication("all", 4), { id: 2, subscribed: { channel: "chat.a", position: at(1), recovered: true } }], { all: at(4) });
    await connector.now.poll(3);
    expect(frames.filter((frame) => frame.publication)).toHaveLength(1);
  });

  it("keeps what is sent while a busy poll is under way for the next one", async () => {
    await connected();
    link.send({ id: 2, publish: { channel: "chat.a", data: 1, key: "k1" } });
    const busy = await connector.now.poll(2);
    link.send({ id: 3, publish: { channel: "chat.a", data: 2, key: "k2" } });
    link.send({ id: 4, unsubscribe: { channel: "chat.x" } });
    busy.answer([{ id: 2, published: {} }], { all: at(3) });
    const next = await connector.now.poll(3);
    expect(next.body.frames.map(({ id }) => id)).toEqual([3]);
    expect(connector.now.polls).toHaveLength(4);
  });

  it("does not take a channel back that was unsubscribed while the poll was under way", async () => {
    await connected();
    link.send({ id: 2, subscribe: { channel: "chat.a" } });
    const asking = await connector.now.poll(2);
    link.send({ id: 3, unsubscribe: { channel: "chat.a" } });
    asking.answer([{ id: 2, subscribed: { channel: "chat.a", position: at(5) } }], { all: at(3), "chat.a": at(5) });
    expect((await connector.now.poll(3)).body.positions).toEqual({ all: at(3) });
  });

  it("leaves a channel out at once when it is unsubscribed", async () => {
    await connected();
    link.send({ id: 2, subscribe: { channel: "chat.a" } });
    (await connector.now.poll(2)).answer([{ id: 2, subscribed: { channel: "chat.a", position: at(4) } }], { all: at(3), "chat.a": at(4) });
    await connector.now.poll(3);
    link.send({ id: 3, unsubscribe: { channel: "chat.a" } });
    expect((await connector.now.poll(4)).body.positions).toEqual({ all: at(3) });
  });

  it("ends when an answer is lost, with nothing handed over", async () => {
    await connected();
    (await connector.now.poll(1)).drop();
    await eventually(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ code: 0 });
    expect(frames).toEqual([]);
  });

  it.each([
    [401, "TOKEN_EXPIRED", { code: 3101 }],
    [401, "TOKEN_REFUSED", { code: 3501 }],
    [403, "ORIGIN_REFUSED", { code: 3502 }],
    [400, "MALFORMED_FRAME", { code: 3503 }],
    [413, "TOO_LARGE", { code: 1009 }],
    [429, "TOO_MANY_SESSIONS", { code: 3504 }],
    [429, "TOO_MANY_FRAMES", { code: 0, reconnect: true }],
    [503, "NATS_UNAVAILABLE", { code: 0, reconnect: true, afterMs: 2_000 }],
  ])("reads the refusal %i %s as a close code", async (status, reason, end) => {
    connect();
    (await connector.now.poll(0)).refuse(status, { code: "X", reason, message: "why" }, status === 503 ? { "Retry-After": "2" } : {});
    await eventually(() => ends.length === 1);
    expect(ends[0]).toEqual({ reason: "why", ...end });
  });

  it("says nothing more once it is closed", async () => {
    await connected();
    link.close(false);
    link.send({ id: 9, members: { channel: "chat.a" } });
    await new Promise(setImmediate);
    expect(connector.now.polls).toHaveLength(2);
    expect(ends).toEqual([]);
  });
});
