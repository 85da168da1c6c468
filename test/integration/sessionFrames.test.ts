import { connect as connectSocket, type Socket } from "node:net";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ClientFrame, ServerFrame } from "../../gen/halley/v1/client.js";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation, TEST_JWT_SECRET } from "../helpers/installation.js";
import { WsClient } from "../helpers/wsClient.js";

const tokenUntil = (user: string, exp: number): Promise<string> =>
  new SignJWT({ exp }).setProtectedHeader({ alg: "HS256" }).setSubject(user).sign(new TextEncoder().encode(TEST_JWT_SECRET));

describe("frames of a session", () => {
  let installation: Installation;
  let port: number;

  beforeAll(async () => {
    installation = await startInstallation();
    port = installation.connectors[0]!.port;
  });

  afterAll(() => installation.stop());

  const stillServes = async (): Promise<void> => {
    const { client } = await WsClient.connect(port, "witness");
    client.cut();
  };

  it.each([
    ["a fraction of a second", Math.floor(Date.now() / 1_000) + 3_600.0001],
    ["a time past what dates can say", 1e15],
  ])("takes a token that expires at %s, over both subprotocols", async (_name, exp) => {
    const { client } = await WsClient.connect(port, "1");
    expect(await client.ask({ refresh: { token: await tokenUntil("1", exp) } })).toHaveProperty("refreshed");
    client.cut();
    const binary = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, ["halley.v1.protobuf"]);
    const frames: ServerFrame[] = [];
    binary.on("message", (data: Buffer) => {
      const reader = new BinaryReader(data);
      while (reader.pos < reader.len) frames.push(ServerFrame.decode(reader.bytes()));
    });
    await new Promise((resolve) => binary.once("open", resolve));
    const send = (frame: ClientFrame): void => { binary.send(new BinaryWriter().bytes(ClientFrame.encode(frame).finish()).finish()); };
    send({ id: 1, frame: { $case: "connect", value: { token: await signToken("1"), session: "", positions: {} } } });
    send({ id: 2, frame: { $case: "refresh", value: { token: await tokenUntil("1", exp) } } });
    await eventually(() => frames.some(({ id }) => id === 2));
    expect(frames.find(({ id }) => id === 2)?.frame?.$case).toBe("refreshed");
    binary.terminate();
    await stillServes();
  });

  it("answers every subscribe, also one that a later frame overtakes", async () => {
    const { client } = await WsClient.connect(port, "1");
    const first = client.ask({ subscribe: { channel: "chat.overtaken" } });
    const second = client.ask({ subscribe: { channel: "chat.overtaken" } });
    expect(await first).toMatchObject({ error: { code: "CANCELLED", reason: "CANCELLED" } });
    expect(await second).toHaveProperty("subscribed");
    const third = client.ask({ subscribe: { channel: "chat.left-early" } });
    expect(await client.ask({ unsubscribe: { channel: "chat.left-early" } })).toHaveProperty("unsubscribed");
    expect(await third).toMatchObject({ error: { code: "CANCELLED" } });
    client.cut();
  });

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty"])("refuses the frame %s with its id, and goes on", async (name) => {
    const { client } = await WsClient.connect(port, "1");
    client.send(`{"id":77,"${name}":{}}`);
    expect(await client.next(({ id }) => id === 77)).toMatchObject({ error: { reason: "MALFORMED_FRAME" } });
    expect(await client.ask({ subscribe: { channel: "chat.on" } })).toHaveProperty("subscribed");
    client.cut();
  });

  it("refuses a payload that is nested too deeply, and goes on", async () => {
    const { client } = await WsClient.connect(port, "1");
    client.send(`{"id":78,"publish":{"channel":"chat.deep","data":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`);
    expect(await client.next(({ id }) => id === 78)).toMatchObject({ error: { code: "INVALID_ARGUMENT" } });
    expect(await client.ask({ subscribe: { channel: "chat.on" } })).toHaveProperty("subscribed");
    client.cut();
  });

  it("closes a connection that sends too much while connect is being answered", async () => {
    const nats = installation.nats.process;
    nats.kill("SIGSTOP");
    try {
      const client = await WsClient.open(port);
      client.send({ id: 1, connect: { token: await signToken("quiet inbox") } });
      for (let n = 0; n < 20; n++) client.send({ id: n + 2, subscribe: { channel: "x".repeat(30_000) } });
      expect((await client.closed()).code).toBe(3503);
    } finally {
      nats.kill("SIGCONT");
    }
    await eventually(async () => {
      await stillServes();
      return true;
    });
  });

  it("takes a message apart no further than its frames may be", async () => {
    const client = await WsClient.open(port);
    client.send(Array.from({ length: 80_000 }, () => "{}").join("\n"));
    expect((await client.closed()).code).toBe(3504);
    const { client: signedIn } = await WsClient.connect(port, "1");
    signedIn.send(Array.from({ length: 80_000 }, () => "{}").join("\n"));
    expect((await signedIn.closed()).code).toBe(3504);
    await stillServes();
  });

  it("frees a socket whose upgrade it refuses, also when the client never closes", async () => {
    const socket: Socket = connectSocket({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.on("error", () => undefined);
    socket.write("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.resume();
    await new Promise((resolve) => socket.once("end", resolve));
    // A peer that has let go answers what still comes with a reset.
    const writing = setInterval(() => { socket.write("more"); }, 10);
    await eventually(() => socket.destroyed);
    clearInterval(writing);
  });
});
