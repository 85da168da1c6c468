import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ClientFrame, ServerFrame } from "../../gen/halley/v1/client.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation, TEST_API_KEY } from "../helpers/installation.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";
import { WsClient } from "../helpers/wsClient.js";

class BinaryClient {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, ["halley.v1.protobuf"]);
    this.socket.on("message", (data: Buffer) => {
      const reader = new BinaryReader(data);
      while (reader.pos < reader.len) this.frames.push(ServerFrame.decode(reader.bytes()));
    });
  }

  send(...frames: ClientFrame[]): void {
    const writer = new BinaryWriter();
    for (const frame of frames) writer.bytes(ClientFrame.encode(frame).finish());
    this.socket.send(writer.finish());
  }
}

describe("a binary WebSocket client", () => {
  let installation: Installation;
  let publisher: TestPublisher;
  let client: BinaryClient;

  beforeAll(async () => {
    installation = await startInstallation({ schemas: "examples/schemas" });
    publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
    client = new BinaryClient(installation.connectors[0]!.port);
    await new Promise((resolve) => client.socket.once("open", resolve));
    const connect = { token: await signToken("7"), session: "", positions: {} };
    client.send(
      { id: 1, frame: { $case: "connect", value: connect } },
      { id: 2, frame: { $case: "subscribe", value: { channel: "typed.x", position: undefined } } },
      { id: 3, frame: { $case: "subscribe", value: { channel: "chat.x", position: undefined } } },
    );
    await eventually(() => client.frames.filter(({ frame }) => frame?.$case === "subscribed").length === 2);
  });

  afterAll(async () => {
    client.socket.terminate();
    publisher.close();
    await installation.stop();
  });

  it("gets typed messages as bytes and untyped ones as JSON, where JSON clients get canonical JSON", async () => {
    const { client: json } = await WsClient.connect(installation.connectors[0]!.port, "8");
    await Promise.all([json.subscribe("typed.x"), json.subscribe("chat.x")]);
    await publisher.publish(toChannel("typed.x", { text: "hi" }, { type: "demo.v1.ChatMessage" }));
    await publisher.publish(toChannel("chat.x", { free: true }, { tags: { lang: "en" } }));
    const publications = await eventually(() => {
      const found = client.frames.flatMap(({ frame }) => (frame?.$case === "publication" ? [frame.value] : []));
      return found.length === 2 ? found : undefined;
    });
    const find = (channel: string): (typeof publications)[number] | undefined => publications.find((publication) => publication.channel === channel);
    expect(find("typed.x")).toMatchObject({ type: "demo.v1.ChatMessage", data: { data: { $case: "protobuf" } } });
    // Field 1, length-delimited, "hi".
    expect([...(find("typed.x")!.data!.data!.value)]).toEqual([0x0a, 2, 0x68, 0x69]);
    expect(find("chat.x")).toMatchObject({ tags: { lang: "en" }, data: { data: { $case: "json" } } });
    expect(find("chat.x")!.data!.data!.value.toString()).toBe('{"free":true}');
    expect(find("chat.x")!.time!.seconds).toBeGreaterThan(1_700_000_000);
    await eventually(() => json.publications("typed.x").length === 1 && json.publications("chat.x").length === 1);
    expect(json.publications("typed.x")[0]).toMatchObject({ type: "demo.v1.ChatMessage", data: { text: "hi" } });
    json.cut();
  });

  it("publishes bytes of a registered type, and is told every violation of others", async () => {
    const bytes = Buffer.from([0x0a, 2, 0x68, 0x6f]);
    const publish = (id: number, type: string, data: Buffer): void => {
      client.send({ id, frame: { $case: "publish", value: { channel: "typed.x", type, data: { data: { $case: "protobuf", value: data } }, key: "" } } });
    };
    publish(10, "demo.v1.ChatMessage", bytes);
    publish(11, "demo.v1.ChatMessage", Buffer.from([0xff, 0xff]));
    publish(12, "unknown.v1.Type", bytes);
    const answer = (id: number): Promise<ServerFrame> => eventually(() => client.frames.find((frame) => frame.id === id));
    expect((await answer(10)).frame).toMatchObject({ $case: "published", value: { duplicate: false } });
    expect((await answer(11)).frame).toMatchObject({ $case: "error", value: { reason: "INVALID_MESSAGE" } });
    expect((await answer(12)).frame).toMatchObject({ $case: "error", value: { code: "INVALID_ARGUMENT" } });
  });

  it("is closed with 3503 for garbage and for text", async () => {
    for (const message of [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), "{}"]) {
      const other = new BinaryClient(installation.connectors[0]!.port);
      await new Promise((resolve) => other.socket.once("open", resolve));
      other.socket.send(message);
      expect(await new Promise((resolve) => other.socket.once("close", resolve))).toBe(3503);
      expect(other.frames.map(({ frame }) => frame?.$case)).toEqual(["error", "disconnect"]);
    }
  });
});
