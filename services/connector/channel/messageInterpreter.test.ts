import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askJetStream } from "../../../lib/bus/apiRequest.js";
import { Bus } from "../../../lib/bus/bus.js";
import { fetchMessage } from "../../../lib/bus/fetchMessage.js";
import { noHeaders, parseHeaderBlock } from "../../../lib/bus/headerBlock.js";
import { deadLetterStream } from "../../../lib/bus/streamSpec.js";
import { fetchStreamInfo } from "../../../lib/bus/streamInfo.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { type Log, silentLog } from "../../../lib/log.js";
import { loadSchemas } from "../../../lib/schema/loadSchemas.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { MessageInterpreter } from "./messageInterpreter.js";
import type { ChannelMessage } from "./parseMessage.js";

const stored: Namespace = { name: "chat", history: { messages: 1, ageMs: 1_000, bytes: 2 ** 20 }, presence: false, subscribe: "signed-in", publish: "nobody", types: undefined, untyped: true };
const ephemeral: Namespace = { ...stored, name: "live", history: undefined };

describe("message interpreter", () => {
  let nats: NatsServer;
  let bus: Bus;
  let clock: FakeClock;
  let dead: string[];
  let lines: object[];
  let interpreter: MessageInterpreter;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await askJetStream(bus, "STREAM.CREATE.HALLEY_DEAD", deadLetterStream(1));
    clock = new FakeClock();
    dead = [];
    lines = [];
    const log: Log = { ...silentLog, warn: (fields) => lines.push(fields) };
    interpreter = new MessageInterpreter({ bus, clock, log, registry: await loadSchemas(undefined), onDead: (namespace) => dead.push(namespace) });
  });
  afterEach(async () => {
    await askJetStream(bus, "STREAM.DELETE.HALLEY_DEAD", undefined);
    await bus.close();
  });

  const message = (data: string, offset = 7, headers = noHeaders): ChannelMessage => ({ channel: "chat.x", offset, headers, data: Buffer.from(data) });
  const letters = async (): Promise<number> => {
    await bus.flush();
    return (await fetchStreamInfo(bus, "HALLEY_DEAD")).lastSequence;
  };

  it("makes publications, and knows a tombstone", () => {
    expect(interpreter.interpret(message("1"), stored)).toMatchObject({ channel: "chat.x", offset: 7 });
    const tombstone = parseHeaderBlock(Buffer.from("NATS/1.0\r\nHalley-Control: tombstone\r\n\r\n"));
    expect(interpreter.interpret(message("", 8, tombstone), stored)).toBe("tombstone");
    expect([dead, lines]).toEqual([[], []]);
  });

  it("keeps what is not what it says once, with its reason and place, however often it is met", async () => {
    for (let times = 0; times < 3; times++) expect(interpreter.interpret(message("{"), stored)).toBeUndefined();
    expect(dead).toEqual(["chat", "chat", "chat"]);
    await eventually(async () => (await letters()) === 1);
    const letter = await fetchMessage(bus, "HALLEY_DEAD", 1);
    expect([letter?.subject, Buffer.from(letter?.data ?? []).toString(), letter?.headers.last("Halley-Dead-Sequence")]).toEqual(["halley.dead.chat.x", "{", "7"]);
    expect(letter?.headers.last("Halley-Dead-Reason")).toContain("is not JSON");
  });

  it("only counts those of channels without history", async () => {
    interpreter.interpret(message("{"), ephemeral);
    expect([dead, await letters()]).toEqual([["live"], 0]);
  });

  it("writes at most a line a second, which says how many it left out", () => {
    for (let offset = 1; offset <= 100; offset++) interpreter.interpret(message("{", offset), ephemeral);
    clock.advance(1_000);
    interpreter.interpret(message("{", 101), ephemeral);
    expect(lines).toMatchObject([{ offset: 1, unlogged: 0 }, { offset: 101, unlogged: 99 }]);
  });

  it("survives a letter that can't be kept", async () => {
    const lineBreak = parseHeaderBlock(Buffer.from(`NATS/1.0\r\nHalley-Type: ${"t".repeat(300)}\r\nContent-Type: a\nb\r\n\r\n`));
    expect(interpreter.interpret(message("1", 9, lineBreak), stored)).toBeUndefined();
    expect(interpreter.interpret(message("x".repeat(3 * 2 ** 20), 10), stored)).toBeUndefined();
    expect(dead).toHaveLength(2);
    await letters();
  });
});
