import { describe, expect, it } from "vitest";
import { floor } from "./floor.js";
import { halley, recoveredIn } from "./halley.js";
import { listenTo } from "./listenTo.js";

const position = (offset: number): object => ({ offset, epoch: "e" });
const CONNECTED = JSON.stringify({ id: 1, connected: { session: "s", user: "7", subscriptions: { "user.7": { position: position(3), recovered: true }, all: { position: position(4), recovered: true } } } });
const SUBSCRIBED = JSON.stringify({ id: 2, subscribed: { channel: "bench.one", position: position(5), recovered: true, publications: [{}, {}] } });

function hear(listening: ReturnType<typeof listenTo>, text: string): void {
  listening.conversation.hear(Buffer.from(`?${text}\n{"publication"`), 1, Buffer.byteLength(text) + 1);
}

describe("halley", () => {
  it("signs in and subscribes at once", () => {
    const { conversation, sent } = listenTo(halley, { token: "t", channel: "bench.one" });
    conversation.begin();
    expect(sent).toEqual(['{"id":1,"connect":{"token":"t"}}\n{"id":2,"subscribe":{"channel":"bench.one"}}']);
  });

  it("comes back to where it was", () => {
    const { conversation, sent } = listenTo(halley, { token: "t", channel: "bench.one", earlier: [CONNECTED, SUBSCRIBED] });
    conversation.begin();
    expect(sent[0]?.split("\n").map((line) => JSON.parse(line) as unknown)).toEqual([
      { id: 1, connect: { token: "t", session: "s", positions: { "user.7": position(3), all: position(4) } } },
      { id: 2, subscribe: { channel: "bench.one", position: position(5) } },
    ]);
  });

  it("tells answers, publications and pings apart", () => {
    const listening = listenTo(halley, { token: "t", channel: "bench.one" });
    hear(listening, `${CONNECTED}\n${SUBSCRIBED}`);
    expect(listening.heard.subscribed).toBe(1);
    hear(listening, '{"publication":{"offset":1}}\n{"ping":{}}\n{"publication":{"offset":2}}');
    expect(listening).toMatchObject({ sent: ['{"pong":{}}'], heard: { publications: ['{"publication":{"offset":1}}', '{"publication":{"offset":2}}'] } });
  });

  it("throws at errors and at what it doesn't expect", () => {
    const listening = listenTo(halley, { token: "t", channel: "bench.one" });
    expect(() => { hear(listening, '{"id":1,"error":{"code":"UNAUTHENTICATED"}}'); }).toThrow("refused");
    expect(() => { hear(listening, '{"disconnect":{}}'); }).toThrow("unexpected");
  });
});

describe("recoveredIn", () => {
  it("counts what an answer brought, and takes no gap", () => {
    expect(recoveredIn([CONNECTED, SUBSCRIBED])).toBe(2);
    expect(() => recoveredIn([CONNECTED, SUBSCRIBED.replace("true", "false")])).toThrow("not given what it missed");
    expect(() => recoveredIn([CONNECTED])).toThrow("not given what it missed");
  });
});

describe("floor", () => {
  it("is told a channel by the number at its end", () => {
    const written: Buffer[] = [];
    for (const channel of ["bench.fanout", "bench.channels.0513"]) {
      floor.converse({ token: "", channel }, { publication: () => undefined, subscribed: () => undefined, send: (bytes) => written.push(bytes) }).begin();
    }
    expect(written).toEqual([Buffer.from([0, 0]), Buffer.from([2, 1])]);
  });
});
