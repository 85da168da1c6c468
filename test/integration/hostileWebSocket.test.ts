import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation } from "../helpers/installation.js";
import { type Frame, WsClient } from "../helpers/wsClient.js";

describe("a hostile or clumsy WebSocket client", () => {
  let installation: Installation;
  let port: number;
  let bystander: WsClient;

  beforeAll(async () => {
    installation = await startInstallation({ limits: { signInMs: 1_500 } });
    port = installation.connectors[0]!.port;
    bystander = (await WsClient.connect(port, "bystander")).client;
    await bystander.subscribe("chat.quiet");
  });

  afterAll(async () => {
    // Nothing above had an effect on anyone else.
    const answer = await bystander.ask({ publish: { channel: "chat.quiet", data: "still here" } });
    expect(answer).toHaveProperty("published");
    await eventually(() => bystander.publications("chat.quiet").length === 1);
    bystander.cut();
    await installation.stop();
  });

  /** Sends something first and gives the error and the close. */
  async function sendFirst(message: string | Buffer): Promise<{ error: unknown; disconnect: unknown; code: number }> {
    const client = await WsClient.open(port);
    client.socket.send(message);
    const { code } = await client.closed();
    const find = (kind: string): unknown => client.frames.find((frame) => frame[kind] !== undefined)?.[kind];
    return { error: find("error"), disconnect: find("disconnect"), code };
  }

  it.each([
    ["malformed JSON", "{nope", "MALFORMED_FRAME"],
    ["no object", "[1]", "MALFORMED_FRAME"],
    ["an unknown frame", '{"id":1,"dance":{}}', "MALFORMED_FRAME"],
    ["binary garbage on the JSON subprotocol", Buffer.from([0, 1, 2, 255]), "MALFORMED_FRAME"],
    ["subscribe before connect", '{"id":1,"subscribe":{"channel":"chat.x"}}', "NOT_CONNECTED"],
    ["deep nesting", `{"id":1,"connect":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "INVALID_REQUEST"],
  ])("is told of %s and closed with 3503", async (_, message, reason) => {
    expect(await sendFirst(message)).toMatchObject({ error: { code: expect.any(String) as string, reason }, disconnect: { code: 3503, reconnect: false }, code: 3503 });
  });

  it("is closed with 1009 for a frame of 2 MB, and 1007 for a text that is not UTF-8", async () => {
    expect((await sendFirst("x".repeat(2_000_000))).code).toBe(1009);
    const client = await WsClient.open(port);
    client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await client.closed()).code).toBe(1007);
  });

  it("is closed with 3004 when it doesn't sign in", async () => {
    const client = await WsClient.open(port);
    expect((await client.closed()).code).toBe(3004);
    expect(client.frames.map(({ error, disconnect }) => error ?? disconnect)).toMatchObject([{ reason: "NOT_CONNECTED" }, { code: 3004, reconnect: true }]);
  });

  it("is not taken for late when it was the connector that did nothing", async () => {
    const token = await signToken("patient");
    const client = await WsClient.open(port);
    const answer = client.ask({ connect: { token } });
    // The connector runs in this process: neither does anything while this waits.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    expect(await answer).toHaveProperty("connected");
    client.cut();
  });

  it("is refused with 3101 for an expired token, 3501 for any other bad one", async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"1"}').toString("base64url")}.`;
    const head = `${Buffer.from('{"alg":"HS512"}').toString("base64url")}.${Buffer.from('{"sub":"1"}').toString("base64url")}`;
    const otherAlgorithm = `${head}.${createHmac("sha512", "a secret for tests only, long enough for HS256").update(head).digest("base64url")}`;
    const cases: [string, number, string][] = [
      [await signToken("1", "-1m"), 3101, "TOKEN_EXPIRED"],
      [await signToken("1", "1h", "a wrong secret that is long enough for HS256"), 3501, "TOKEN_REFUSED"],
      [unsigned, 3501, "TOKEN_REFUSED"],
      [otherAlgorithm, 3501, "TOKEN_REFUSED"],
      ["", 3501, "TOKEN_REFUSED"],
      [await signToken("x".repeat(129)), 3501, "TOKEN_REFUSED"],
    ];
    for (const [token, code, reason] of cases) {
      expect(await sendFirst(JSON.stringify({ id: 1, connect: { token } }))).toMatchObject({ code, error: { code: "UNAUTHENTICATED", reason } });
    }
  });

  it("is closed with 3101 when its token expires, unless it brings a new one", async () => {
    const open = async (): Promise<WsClient> => {
      const client = await WsClient.open(port);
      await client.ask({ connect: { token: await signToken("1", "2s") } });
      return client;
    };
    const [late, fresh] = await Promise.all([open(), open()]);
    expect(await fresh.ask({ refresh: { token: await signToken("2") } })).toMatchObject({ error: { reason: "TOKEN_OF_ANOTHER_USER" } });
    expect(await fresh.ask({ refresh: { token: await signToken("1") } })).toHaveProperty("refreshed.expiresAt");
    expect((await late.closed()).code).toBe(3101);
    expect(fresh.socket.readyState).toBe(fresh.socket.OPEN);
    fresh.cut();
  });

  it.each(["chat.a b", "chat.*", "chat.>", "chat..x", ".chat", "chat.", "chat.\u0000", "chat.\u00a0", "chat.$tick", "", "Chat.x", `chat.${"x".repeat(300)}`, "chat.\u200b", "user.a.b"])(
    "is refused the channel %j",
    async (channel) => {
      const { client } = await WsClient.connect(port, "1");
      for (const frame of [{ subscribe: { channel } }, { publish: { channel, data: 1 } }, { members: { channel } }]) {
        expect(await client.ask(frame)).toMatchObject({ error: { code: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", violations: [{ field: "channel" }] } });
      }
      client.cut();
    },
  );

  it("is refused what it may not do", async () => {
    const { client } = await WsClient.connect(port, "1");
    const reasons = async (frame: object): Promise<unknown> => ((await client.ask(frame)) as Frame & { error?: { reason?: string } }).error?.reason;
    expect(await reasons({ subscribe: { channel: "user.2" } })).toBe("SUBSCRIBE_DENIED");
    expect(await reasons({ subscribe: { channel: "closed.x" } })).toBe("SUBSCRIBE_DENIED");
    expect(await reasons({ subscribe: { channel: "unknown.x" } })).toBe("UNKNOWN_NAMESPACE");
    expect(await reasons({ subscribe: { channel: "sys.stats" } })).toBe("SUBSCRIBE_DENIED");
    expect(await reasons({ publish: { channel: "news.x", data: 1 } })).toBe("PUBLISH_DENIED");
    expect(await reasons({ publish: { channel: "user.1", data: 1 } })).toBe("PUBLISH_DENIED");
    expect(await reasons({ publish: { channel: "all", data: 1 } })).toBe("PUBLISH_DENIED");
    expect(await reasons({ members: { channel: "closed.x" } })).toBe("MEMBERS_DENIED");
    expect(await reasons({ members: { channel: "news.x" } })).toBe("PRESENCE_OFF");
    expect(await reasons({ unsubscribe: { channel: "all" } })).toBe("INVALID_REQUEST");
    expect(await reasons({ connect: { token: await signToken("1") } })).toBe("NOT_CONNECTED");
    expect(await reasons({ subscribe: { channel: "chat.x", extra: 1 } })).toBe("INVALID_REQUEST");
    expect(await reasons({ publish: { channel: "chat.x" } })).toBe("INVALID_REQUEST");
    client.cut();
  });

  it("may have 1,000 subscriptions; the next are refused, and a flood is closed with 3504", async () => {
    const { client } = await WsClient.connect(port, "many");
    client.send(Array.from({ length: 1_100 }, (_, index) => JSON.stringify({ id: 10 + index, subscribe: { channel: `live.c${String(index)}` } })).join("\n"));
    await client.next((frame) => frame.id === 10 + 1_099);
    await eventually(() => client.frames.filter((frame) => frame["subscribed"]).length === 1_000);
    expect(client.frames.filter((frame) => (frame["error"] as { reason?: string } | undefined)?.reason === "TOO_MANY_SUBSCRIPTIONS")).toHaveLength(100);
    for (let batch = 0; batch < 9; batch++) {
      client.send(Array.from({ length: 1_000 }, (_, index) => JSON.stringify({ id: 1, subscribe: { channel: `live.d${String(index)}` } })).join("\n"));
    }
    expect((await client.closed()).code).toBe(3504);
    expect(client.frames).toContainEqual(expect.objectContaining({ error: expect.objectContaining({ reason: "TOO_MANY_FRAMES" }) as unknown }));
  });

  it("may have a user id with dots and spaces", async () => {
    const user = "ada lovelace@example.org … *>";
    const { client, connected } = await WsClient.connect(port, user);
    expect(connected.user).toBe(user);
    const inbox = Object.keys(connected.subscriptions).find((channel) => channel !== "all")!;
    expect(inbox).toMatch(/^user\.=[A-Za-z0-9_-]+$/);
    await client.ask({ publish: { channel: "chat.names", data: 1 } });
    const subscribed = await bystander.subscribe("chat.names", { offset: 0, epoch: (await client.subscribe("chat.names")).position.epoch });
    expect(subscribed.publications.at(-1)).toMatchObject({ sender: user });
    client.cut();
  });

  it("can't take over the session of another user, and is closed when its own comes back elsewhere", async () => {
    const { client, connected } = await WsClient.connect(port, "a");
    const stranger = await WsClient.connect(port, "b", { session: connected.session });
    expect(stranger.connected.session).not.toBe(connected.session);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    const again = await WsClient.connect(port, "a", { session: connected.session });
    expect(again.connected.session).toBe(connected.session);
    expect((await client.closed()).code).toBe(3500);
    stranger.client.cut();
    again.client.cut();
  });

  it("is refused from a page of another origin, and at another path", async () => {
    await expect(WsClient.open(port, { origin: "https://elsewhere.example" })).rejects.toThrow("403");
    const client = await WsClient.open(port, { origin: "http://127.0.0.1:9999" });
    client.cut();
  });
});
