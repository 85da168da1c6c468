import { headers } from "nats";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { Bus } from "./bus.js";
import { type DirectMany, fetchDirectMany } from "./directMany.js";
import { makeHeaders } from "./publishHeaders.js";

type Part = { readonly sequence: number; readonly previous: number } | { readonly end: number; readonly pending?: number } | "unreadable" | "single" | "none" | "bad";

/** A replica that gives whatever it is told to. */
describe("an answer of many messages", () => {
  let nats: NatsServer;
  let bus: Bus;
  let parts: readonly Part[];
  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    bus.subscribe("$JS.API.DIRECT.GET.HALLEY_x", ({ reply = "" }) => { for (const part of parts) send(reply, part); });
    await bus.flush();
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });
  beforeEach(() => { parts = []; });

  const place = { "Nats-Stream": "HALLEY_x", "Nats-Subject": "halley.pub.x", "Nats-Time-Stamp": "2026-01-01T00:00:00Z" };
  const send = (reply: string, part: Part): void => {
    const status = (code: number, text: string, values: Readonly<Record<string, string>> = {}): void => {
      const made = headers(code, text);
      for (const [name, value] of Object.entries(values)) made.set(name, value);
      bus.connection.publish(reply, new Uint8Array(), { headers: made });
    };
    if (part === "none") status(404, "Message Not Found");
    else if (part === "bad") status(408, "Bad Request");
    else if (part === "unreadable") (bus.connection as unknown as { protocol: { sendCommand(block: string): void } }).protocol.sendCommand(`HPUB ${reply} 26 28\r\nNATS/1.0\r\nOdd Name(: x\r\n\r\n{}\r\n`);
    else if (part === "single") bus.publish(reply, Buffer.from("{}"), { headers: makeHeaders({ ...place, "Nats-Sequence": "7" }) });
    else if ("end" in part) status(204, "EOB", { "Nats-Num-Pending": String(part.pending ?? 0), "Nats-Last-Sequence": String(part.end) });
    else bus.publish(reply, Buffer.from("{}"), { headers: makeHeaders({ ...place, "Nats-Sequence": String(part.sequence), "Nats-Num-Pending": "9", "Nats-Last-Sequence": String(part.previous) }) });
  };
  const ask = (...told: readonly Part[]): Promise<DirectMany> => {
    parts = told;
    return fetchDirectMany(bus, "HALLEY_x", { seq: 1, max_bytes: 1_000 });
  };
  const sequences = async (asked: Promise<DirectMany>): Promise<(number | undefined)[]> => (await asked).messages.map((message) => message?.sequence);
  const [one, two, three] = [{ sequence: 1, previous: 0 }, { sequence: 4, previous: 1 }, { sequence: 9, previous: 4 }];

  it("is whole where each follows the one before it, and the end the last", async () => {
    expect(await sequences(ask(one, two, three, { end: 9 }))).toEqual([1, 4, 9]);
    expect(await ask(one, { end: 1, pending: 5 })).toMatchObject({ messages: [{ sequence: 1, stream: "HALLEY_x", subject: "halley.pub.x" }], pending: 5, last: 1 });
    expect(await ask("none")).toEqual({ messages: [], pending: 0, last: 0, upTo: 0 });
  });

  it.each<readonly [string, readonly Part[]]>([
    ["the first", [two, three, { end: 9 }]],
    ["one in between", [one, three, { end: 9 }]],
    ["the last", [one, two, { end: 9 }]],
    ["all", [{ end: 9 }]],
    ["one behind one that can't be read", [one, "unreadable", { sequence: 12, previous: 4 }, { sequence: 20, previous: 15 }, { end: 20 }]],
  ])("is refused where %s was lost on its way", async (_, told) => {
    await expect(ask(...told)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  it("keeps the place of one whose headers can't be read", async () => {
    expect(await sequences(ask(one, "unreadable", three, { end: 9 }))).toEqual([1, undefined, 9]);
    expect(await sequences(ask("unreadable", { end: 4 }))).toEqual([undefined]);
  });

  it("is refused where a server knows only single messages, and where one refuses the question", async () => {
    await expect(ask("single")).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(ask("bad")).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(ask(one, "none")).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });
});
