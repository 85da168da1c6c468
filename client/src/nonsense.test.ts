import { describe, expect, it } from "vitest";
import { Scene } from "../test/scene.js";
import { type ServerFrame } from "./frames.js";

/** What no connector says; a test must write it down all the same. */
const nonsense = (frame: unknown): ServerFrame => frame as ServerFrame;
const lobby = (offset: unknown): ServerFrame => nonsense({ publication: { channel: "chat.lobby", offset, data: offset } });

interface Trial {
  readonly scene: Scene;
  readonly handled: unknown[];
  /** Answers the newest subscribe. */
  readonly answer: (subscribed?: NonNullable<ServerFrame["subscribed"]>) => void;
}

async function trial(): Promise<Trial> {
  const scene = new Scene();
  const handled: unknown[] = [];
  scene.halley.subscribe("chat.lobby", ({ data }) => handled.push(data));
  const answer: Trial["answer"] = (subscribed) => {
    const { link } = scene.webSocket;
    link.say({ id: link.asked("subscribe").at(-1)?.id ?? 0, subscribed: { channel: "chat.lobby", position: { offset: 10, epoch: "e" }, recovered: true, ...subscribed } });
  };
  await scene.connect();
  return { scene, handled, answer };
}

/** The link was given up, the client comes back, and goes on from where it stood. */
async function expectComeback({ scene, handled, answer }: Trial, from: number): Promise<void> {
  expect(scene.states.at(-1)).toMatchObject({ state: "disconnected", error: { reason: "CONNECTION_LOST", retryable: true } });
  const before = handled.length;
  await scene.clock.advance(2_000);
  scene.webSocket.link.welcome();
  expect(scene.webSocket.link.asked("subscribe").at(-1)?.subscribe?.position?.offset).toBe(from);
  answer();
  scene.webSocket.link.say(lobby(from), lobby(from + 1));
  expect(handled.slice(before)).toEqual([from + 1]);
}

describe("a connector that talks nonsense", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["a publication without an offset", { publication: { channel: "chat.lobby", data: 1 } }],
    ["a publication whose offset is no number", { publication: { channel: "chat.lobby", offset: "12", data: 1 } }],
    ["a publication between two offsets", { publication: { channel: "chat.lobby", offset: 12.5, data: 1 } }],
    ["a position that is none", { reset: { channel: "chat.lobby", position: { offset: "x", epoch: 7 }, reason: "?" } }],
    ["a reset to nowhere", { reset: { channel: "chat.lobby", position: {}, reason: "?" } }],
    ["a ping with a position that is none", { ping: { positions: { chat: { offset: null, epoch: "e" } } } }],
  ])("is left for another try after %s", async (_name, frame) => {
    const one = await trial();
    one.answer();
    one.scene.webSocket.link.say(lobby(11), nonsense(frame), lobby(12));
    await expectComeback(one, 11);
    expect(one.scene.faults).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["no position", null],
    ["an empty position", {}],
    ["a number for a position", 0],
    ["a position without an epoch", { offset: 12 }],
  ])("is left for another try after a subscription that stands again at %s", async (_name, position) => {
    const one = await trial();
    one.answer();
    one.scene.webSocket.link.say(lobby(11), { disconnect: { code: 3000, reconnect: true, afterMs: 1 } });
    await one.scene.clock.advance(2_000);
    one.scene.webSocket.link.welcome();
    one.answer({ position: nonsense(position) as object });
    await expectComeback(one, 11);
    expect(one.handled).toEqual([11, 12]);
  });

  it.each<[string, unknown]>([
    ["numbers", 5],
    ["text", "hello"],
    ["lists", [1, 2]],
    ["frames of a later protocol", { hologram: { channel: "chat.lobby" } }],
    ["answers to nothing", { id: 4_000, subscribed: { channel: "chat.lobby", position: { offset: 99, epoch: "e" } } }],
    ["errors to nothing", { id: 4_000, error: { code: "INTERNAL", reason: "INTERNAL", message: "?" } }],
    ["publications of channels that nobody has", { publication: { channel: "chat.other", offset: 99, data: 99 } }],
    ["resets of channels that nobody has", { reset: { channel: "chat.other", position: { offset: 1, epoch: "x" }, reason: "?" } }],
    ["pings of another history", { ping: { positions: { chat: { offset: 99, epoch: "other" } } } }],
    ["pings that go back", { ping: { positions: { chat: { offset: 1, epoch: "e" } } } }],
  ])("may send %s: they are ignored", async (_name, frame) => {
    const { scene, handled, answer } = await trial();
    answer();
    scene.webSocket.link.say(lobby(11), nonsense(frame), lobby(11), lobby(12));
    expect(handled).toEqual([11, 12]);
    expect(scene.halley.state).toBe("connected");
  });

  it("hands nothing over before it has answered the subscribe", async () => {
    const { scene, handled, answer } = await trial();
    scene.webSocket.link.say(lobby(9), lobby(10), lobby(11));
    answer();
    scene.webSocket.link.say(lobby(10), lobby(11));
    expect(handled).toEqual([11]);
  });

  it("is not believed that something was stored when it confuses answers", async () => {
    const scene = new Scene();
    await scene.connect();
    let isStored = false;
    const published = scene.halley.publish("chat.lobby", 1, { key: "k" }).then(() => (isStored = true));
    scene.webSocket.link.say({ id: scene.webSocket.link.asked("publish")[0]?.id ?? 0, subscribed: { channel: "chat.lobby" } });
    await scene.clock.advance(5_000);
    expect(isStored).toBe(false);
    scene.webSocket.link.welcome();
    const again = scene.webSocket.link.asked("publish")[0];
    expect(again?.publish?.key).toBe("k");
    scene.webSocket.link.say({ id: again?.id ?? 0, published: {} });
    await published;
  });

  it("does not lead the messages of one channel to another", async () => {
    const { scene, handled, answer } = await trial();
    answer({ channel: "chat.other", publications: [{ channel: "chat.other", offset: 5, data: "theirs" }] });
    expect(handled).toEqual([]);
    expect(scene.halley.state).toBe("disconnected");
  });

  it.each([5, true, "no", {}, [1]])("is not taken for refusing what it was asked by the error %j", async (error) => {
    const one = await trial();
    one.scene.webSocket.link.say(nonsense({ id: one.scene.webSocket.link.asked("subscribe")[0]?.id, error }));
    expect(one.scene.halley.state).toBe("disconnected");
    await one.scene.clock.advance(60_000);
    one.scene.webSocket.link.say(nonsense({ id: one.scene.webSocket.link.asked("connect")[0]?.id, error }));
    expect(one.scene.halley.state).toBe("disconnected");
  });

  it("does not get a subscription stand on an answer that has no position", async () => {
    const { scene, handled } = await trial();
    scene.webSocket.link.say({ id: scene.webSocket.link.asked("subscribe")[0]?.id ?? 0, published: {} }, lobby(3));
    expect(handled).toEqual([]);
    expect(scene.halley.state).toBe("disconnected");
  });

  it.each([Number.NaN, -5, 0, 1e15, "soon"])("can't make the client storm it: a ping interval of %s", async (pingIntervalMs) => {
    const scene = new Scene();
    scene.halley.connect();
    await scene.clock.advance(0);
    scene.webSocket.link.welcome({ pingIntervalMs: pingIntervalMs as number });
    await scene.clock.advance(20_000);
    expect([scene.halley.state, scene.webSocket.links.length]).toEqual(["connected", 1]);
  });

  it.each([Number.NaN, -5, 1e15, "later"])("can't make the client storm it, or stay away for good: afterMs of %s", async (afterMs) => {
    const scene = new Scene();
    await scene.connect();
    scene.webSocket.link.say({ disconnect: { code: 3000, afterMs: afterMs as number } });
    const { retryInMs } = scene.states.at(-1) ?? {};
    expect(retryInMs).toBeGreaterThanOrEqual(500);
    expect(retryInMs).toBeLessThanOrEqual(3_600_000);
  });

  it("can't end a new subscription by ending the one before it", async () => {
    const { scene, handled, answer } = await trial();
    scene.webSocket.link.say({ unsubscribed: { channel: "chat.lobby", reason: "SUBSCRIBE_DENIED" } });
    answer();
    scene.webSocket.link.say(lobby(11));
    expect(handled).toEqual([11]);
  });
});
