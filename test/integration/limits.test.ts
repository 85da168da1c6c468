import { request } from "node:http";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { DEFAULT_LIMITS, type Limits } from "../../services/connector/limits.js";
import type { RunningConnector } from "../../services/connector/start.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { PollClient, post } from "../helpers/pollClient.js";
import { type Frame, WsClient } from "../helpers/wsClient.js";

describe("a connector at a limit", () => {
  let installation: Installation;
  let nats: NatsConnection;

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 0 });
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const start = (limits: Partial<Limits>): Promise<RunningConnector> => installation.addConnector({ limits: { ...DEFAULT_LIMITS, drainMs: 100, ...limits } });
  const metric = ({ opsPort }: RunningConnector, name: string): Promise<number | undefined> => readMetric(opsPort, `halley_connector_${name}`);
  const publish = async (channel: string, data: unknown): Promise<void> => {
    nats.publish(`halley.pub.${channel}`, JSON.stringify(data));
    await nats.flush();
  };
  /** Somebody else on the same connector: told nothing, cut off from nothing. */
  const withBystander = async ({ port }: RunningConnector, run: () => Promise<void>): Promise<void> => {
    const { client } = await WsClient.connect(port, "bystander");
    await client.subscribe("chat.bystander");
    await run();
    const seen = client.publications("chat.bystander").length;
    await publish("chat.bystander", "still here");
    await eventually(() => client.publications("chat.bystander").length === seen + 1);
    expect(client.frames.filter((frame) => frame["reset"] ?? frame["error"] ?? frame["disconnect"])).toEqual([]);
    client.cut();
  };
  const reasonOf = (frame: Frame | undefined): unknown => (frame?.["error"] as { reason?: string } | undefined)?.reason;
  const kindsOf = (frames: readonly Frame[]): unknown[] => frames.map((frame) => (frame["error"] ? reasonOf(frame) : Object.keys(frame).find((key) => key !== "id")));

  it("signInBytes: closes with 3503 who sends more before connect is answered, and takes what is just as much", async () => {
    const connector = await start({ signInBytes: 4_096 });
    await withBystander(connector, async () => {
      const connectFrame = JSON.stringify({ id: 1, connect: { token: await signToken("1") } });
      const padded = (bytes: number): string => connectFrame + " ".repeat(bytes - connectFrame.length);
      const fits = await WsClient.open(connector.port);
      fits.socket.send(padded(4_096));
      expect(await fits.next((frame) => frame.id === 1)).toHaveProperty("connected");
      fits.socket.send(`${" ".repeat(8_000)}{"id":2,"subscribe":{"channel":"chat.later"}}`);
      expect(await fits.next((frame) => frame.id === 2)).toHaveProperty("subscribed");
      const tooMuch = await WsClient.open(connector.port);
      for (let sent = 0; sent < 4; sent++) tooMuch.socket.send(" ".repeat(1_100));
      expect((await tooMuch.closed()).code).toBe(3503);
      expect(tooMuch.frames).toMatchObject([{ error: { reason: "NOT_CONNECTED" } }, { disconnect: { code: 3503, reconnect: false } }]);
      fits.cut();
    });
  });

  it("frameBytes: closes with 1009 for a larger message", async () => {
    const connector = await start({ frameBytes: 2_048 });
    await withBystander(connector, async () => {
      const { client } = await WsClient.connect(connector.port, "1");
      client.send(`{"id":9,"subscribe":{"channel":"chat.x"}}${" ".repeat(1_900)}`);
      expect(await client.next((frame) => frame.id === 9)).toHaveProperty("subscribed");
      client.send(" ".repeat(2_049));
      expect((await client.closed()).code).toBe(1009);
    });
  });

  /** The status and the header of an upgrade that is refused. */
  const refusedUpgrade = (port: number): Promise<{ status: number | undefined; retryAfter: string | undefined }> =>
    new Promise((resolve, reject) => {
      const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" };
      const asking = request({ host: "127.0.0.1", port, path: "/v1/websocket", headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode, retryAfter: response.headers["retry-after"] });
      });
      asking.on("upgrade", (_, socket) => {
        socket.destroy();
        reject(new Error("upgraded"));
      });
      asking.on("error", reject).end();
    });

  it("connections: counts WebSockets and waiting polls, refuses the next with 503 and Retry-After, and takes it when one has left", async () => {
    const connector = await start({ connections: 3 });
    const { port } = connector;
    await withBystander(connector, async () => {
      const { client } = await WsClient.connect(port, "1");
      const poller = new PollClient("2");
      await poller.poll(port, [{ id: 1, subscribe: { channel: "chat.full" } }]);
      const waiting = poller.poll(port, [], 20_000);
      await eventually(async () => (await metric(connector, "polls")) === 1);
      expect(await refusedUpgrade(port)).toEqual({ status: 503, retryAfter: "1" });
      const refused = await post(port, JSON.stringify({ token: await signToken("3"), waitMs: 1 }));
      expect([refused.status, refused.headers.get("retry-after"), refused.body]).toEqual([503, "1", expect.objectContaining({ error: expect.objectContaining({ reason: "NOT_READY", retryable: true }) as unknown })]);
      await publish("chat.full", 1);
      expect((await waiting).frames).toMatchObject([{ publication: { data: 1 } }]);
      const { client: next } = await WsClient.connect(port, "4");
      expect(await client.ask({ publish: { channel: "chat.full", data: 2 } })).toHaveProperty("published");
      next.cut();
      client.cut();
    });
  });

  it("framesPerPoll: refuses the whole poll with 400, and nothing of it is done", async () => {
    const connector = await start({ framesPerPoll: 3 });
    await withBystander(connector, async () => {
      const client = new PollClient("1");
      await client.poll(connector.port, [{ id: 1, subscribe: { channel: "chat.per-poll" } }]);
      const publishes = (count: number): object[] => Array.from({ length: count }, (_, n) => ({ id: n + 2, publish: { channel: "chat.per-poll", data: n, key: `k${String(n)}` } }));
      const refused = await post(connector.port, JSON.stringify(await client.request(publishes(4))));
      expect(refused).toMatchObject({ status: 400, body: { error: { code: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", violations: [{ field: "frames" }] } } });
      await client.poll(connector.port, publishes(3));
      expect(client.frames.filter(({ published }) => published)).toMatchObject(Array(3).fill({ published: { duplicate: false } }));
    });
  });

  it("lingeringChannels and lingerMs: keep the newest of what nobody is subscribed to, for a while", async () => {
    const connector = await start({ lingeringChannels: 4, lingerMs: 1_500 });
    await withBystander(connector, async () => {
      const own = (await metric(connector, "channels")) ?? NaN;
      const { client } = await WsClient.connect(connector.port, "1");
      const asked = (await client.subscribe("chat.left-0")).position;
      for (let n = 1; n < 20; n++) await client.subscribe(`chat.left-${String(n)}`);
      expect(await metric(connector, "channels")).toBe(own + 1 + 20);
      client.cut();
      await eventually(async () => (await metric(connector, "channels")) === own + 4);
      // What was closed is opened again, and goes on from the history.
      await publish("chat.left-0", "later");
      const { client: back } = await WsClient.connect(connector.port, "1");
      expect(await back.subscribe("chat.left-0", asked)).toMatchObject({ recovered: true, publications: [{ data: "later" }] });
      back.cut();
      await eventually(async () => (await metric(connector, "channels")) === own);
    });
  });

  it.each(["websocket", "poll"])("publishesInFlight: refuses more of one session with OVERLOADED, and stores the others, over %s", async (transport) => {
    const connector = await start({ publishesInFlight: 3 });
    await withBystander(connector, async () => {
      const channel = `chat.in-flight-${transport}`;
      const { client } = await WsClient.connect(connector.port, "1");
      const { client: other } = await WsClient.connect(connector.port, "1");
      const { position } = await client.subscribe(channel);
      const poller = new PollClient("1");
      await poller.poll(connector.port);
      const frames = Array.from({ length: 5 }, (_, n) => ({ id: 100 + n, publish: { channel, data: n, key: `k${String(n)}` } }));
      const { process } = installation.nats;
      process.kill("SIGSTOP");
      let answered: Promise<unknown> = Promise.resolve();
      let ofOther: Promise<Frame>;
      try {
        if (transport === "poll") answered = poller.poll(connector.port, frames);
        else client.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
        ofOther = other.ask({ publish: { channel: `${channel}-other`, data: 1 } });
        if (transport === "websocket") await client.next((frame) => frame.id === 104);
        else await eventually(async () => (await metric(connector, "polls")) === 1);
      } finally {
        process.kill("SIGCONT");
      }
      expect(await ofOther).toHaveProperty("published");
      await answered;
      const answers = (): Frame[] => (transport === "poll" ? poller : client).frames.filter(({ id = 0 }) => id >= 100).sort((a, b) => (a.id ?? 0) - (b.id ?? 0));
      await eventually(() => answers().length === 5);
      expect(kindsOf(answers())).toEqual(["published", "published", "published", "OVERLOADED", "OVERLOADED"]);
      expect(answers()[4]).toMatchObject({ error: { code: "RESOURCE_EXHAUSTED", retryable: true } });
      // There is room again, and what was refused was not stored.
      const again = transport === "poll" ? (await poller.poll(connector.port, [frames[4]!])).frames[0] : await client.ask({ publish: frames[4]!.publish });
      expect(again).toMatchObject({ published: { duplicate: false } });
      const { recovered, publications } = await other.subscribe(channel, position);
      const stored = (): unknown[] => [...publications, ...other.publications(channel)].map(({ data }) => data);
      await eventually(() => stored().length === 4);
      expect([recovered, stored()]).toEqual([true, [0, 1, 2, 4]]);
      client.cut();
      other.cut();
    });
  });

  it("pongMs: closes with 3002 who lets a ping pass without a byte, not who sends any", async () => {
    const connector = await start({ pingIntervalMs: 500, pongMs: 1_000 });
    await withBystander(connector, async () => {
      const open = async (): Promise<{ socket: WebSocket; received: string[]; code: Promise<number> }> => {
        const socket = new WebSocket(`ws://127.0.0.1:${String(connector.port)}/v1/websocket`);
        const received: string[] = [];
        socket.on("message", (data: Buffer) => received.push(data.toString("utf8")));
        const code = new Promise<number>((resolve) => socket.once("close", resolve));
        await new Promise((resolve) => socket.once("open", resolve));
        socket.send(JSON.stringify({ id: 1, connect: { token: await signToken("1") } }));
        return { socket, received, code };
      };
      const [silent, humming] = await Promise.all([open(), open()]);
      const hum = setInterval(() => { humming.socket.ping(); }, 100);
      expect(await silent.code).toBe(3002);
      expect(silent.received.join("\n")).toContain('"ping"');
      expect(JSON.parse(silent.received.at(-1)!.split("\n").at(-1)!)).toMatchObject({ disconnect: { code: 3002, reconnect: true } });
      await eventually(() => humming.received.filter((text) => text.includes('"ping"')).length >= 4);
      expect(humming.socket.readyState).toBe(WebSocket.OPEN);
      clearInterval(hum);
      humming.socket.terminate();
    });
  });

  it("pollGraceMs: a polled session is here while a poll waits, and for the grace after it", async () => {
    const connector = await start({ pollGraceMs: 300 });
    await withBystander(connector, async () => {
      const others = (await metric(connector, "sessions")) ?? NaN;
      const client = new PollClient("1");
      await client.poll(connector.port);
      const waiting = client.poll(connector.port, [], 1_500);
      await eventually(async () => (await metric(connector, "polls")) === 1);
      await new Promise((resolve) => setTimeout(resolve, 900));
      expect(await metric(connector, "sessions")).toBe(others + 1);
      await waiting;
      await eventually(async () => (await metric(connector, "sessions")) === others);
      // Its id is good for ever, here and elsewhere.
      const { session } = client;
      expect((await client.poll(connector.port, [], 1)).session).toBe(session);
    });
  });

  it("sessionsPerUser: refuses one more of the same user with 3504, or 429, and takes it when another has left", async () => {
    const connector = await start({ sessionsPerUser: 2, pollGraceMs: 300 });
    const { port } = connector;
    await withBystander(connector, async () => {
      const { client } = await WsClient.connect(port, "1");
      const poller = new PollClient("1");
      await poller.poll(port);
      const waiting = poller.poll(port, [], 20_000);
      await eventually(async () => (await metric(connector, "polls")) === 1);
      const refused = await WsClient.open(port);
      refused.send({ id: 1, connect: { token: await signToken("1") } });
      expect((await refused.closed()).code).toBe(3504);
      expect(refused.frames).toMatchObject([{ id: 1, error: { reason: "TOO_MANY_SESSIONS" } }, { disconnect: { code: 3504, reconnect: false } }]);
      const refusedPoll = await post(port, JSON.stringify({ token: await signToken("1"), waitMs: 1 }));
      expect([refusedPoll.status, refusedPoll.body]).toEqual([429, expect.objectContaining({ error: expect.objectContaining({ reason: "TOO_MANY_SESSIONS" }) as unknown })]);
      await publish("user.1", "both are here");
      expect((await waiting).frames).toMatchObject([{ publication: { data: "both are here" } }]);
      await eventually(() => client.publications("user.1").length === 1);
      client.cut();
      const { client: next } = await eventually(() => WsClient.connect(port, "1"));
      next.cut();
    });
  });

  it("replyQueueBytes: closes with 3001 who asks and doesn't read", async () => {
    const connector = await start({ replyQueueBytes: 64 * 1_024, framesPerSecond: 1_000_000, framesBurst: 1_000_000 });
    await withBystander(connector, async () => {
      const others = (await metric(connector, "sessions")) ?? NaN;
      const { client } = await WsClient.connect(connector.port, "1");
      client.socket.pause();
      const channel = `nope.${"x".repeat(240)}`;
      // Far more than the sockets' own buffers take.
      for (let batch = 0; batch < 100; batch++) {
        client.send(Array.from({ length: 700 }, (_, n) => JSON.stringify({ id: n + 1, subscribe: { channel } })).join("\n"));
      }
      await eventually(async () => (await metric(connector, "sessions")) === others);
      client.socket.resume();
      expect((await client.closed()).code).toBe(3001);
      expect(client.frames.at(-1)).toMatchObject({ disconnect: { code: 3001, reconnect: true } });
    });
  });

  it("drainMs: sends everybody away within it, faster than at the usual pace", async () => {
    const connector = await start({ drainMs: 1 });
    const leftAtMs: number[] = [];
    const clients = await Promise.all(Array.from({ length: 600 }, async (_, at) => (await WsClient.connect(connector.port, String(at))).client));
    const left = clients.map(async (client) => {
      const { code } = await client.closed();
      leftAtMs.push(Date.now());
      return code;
    });
    await connector.stop();
    expect(await Promise.all(left)).toEqual(Array(600).fill(3000));
    // At the usual pace they are told over 1,200 ms.
    expect(Math.max(...leftAtMs) - Math.min(...leftAtMs)).toBeLessThan(900);
  });

  it("pollWaitMs: answers after it, however long the client would wait", async () => {
    const connector = await start({ pollWaitMs: 200 });
    const client = new PollClient("1");
    await client.poll(connector.port);
    expect((await client.poll(connector.port, [], 60_000)).frames).toEqual([]);
  });
});
