import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock, settle } from "../test/fakeClock.js";
import { HeldFetch } from "../test/heldFetch.js";
import { tokenFor } from "../test/scene.js";
import { Halley } from "./halley.js";
import { pollTransport } from "./poll.js";

const at = (offset: number): { offset: number; epoch: string } => ({ offset, epoch: "e" });
const publication = (offset: number): object => ({ publication: { channel: "chat.a", offset, data: offset } });

describe("long-poll", () => {
  const held = new HeldFetch();
  let clock: FakeClock;
  let halley: Halley;
  let handled: unknown[];
  let reasons: (string | undefined)[];
  let wake: () => void;

  beforeEach(() => {
    held.polls.length = 0;
    vi.stubGlobal("fetch", held.fetch);
    clock = new FakeClock();
    handled = [];
    reasons = [];
    const parts = { clock, random: () => 0.5, transports: [pollTransport("http://x", clock)] as const, memory: undefined, watchWakes: (onWake: () => void) => ((wake = onWake), () => undefined) };
    halley = new Halley({ token: () => tokenFor("ada") }, parts);
    halley.on("state", ({ error }) => { if (error) reasons.push(error.reason); });
  });

  afterEach(() => {
    halley.close();
    vi.unstubAllGlobals();
  });

  function listen(): void {
    halley.subscribe("chat.a", ({ data }) => handled.push(data));
  }

  async function answer(body: unknown, status?: number): Promise<void> {
    held.poll.answer(body, status);
    await settle();
    await clock.advance(25);
  }

  /** Answers the first poll: signed in, and subscribed where that was asked for. */
  async function begin(): Promise<void> {
    halley.connect();
    await settle();
    const subscribe = held.poll.body.frames.at(-1);
    const frames = subscribe ? [{ id: subscribe.id, subscribed: { channel: "chat.a", position: at(10), recovered: true } }] : [];
    await answer({ session: "s", frames, positions: subscribe ? { "chat.a": at(10) } : {} });
  }

  it.each<[string, unknown, number?]>([
    ["JSON of something on the way", {}],
    ["null", null],
    ["a page", "<html>Sign in to this Wi-Fi</html>"],
    ["a page that says 403", "<html>Forbidden</html>", 403],
    ["a page that says 401", "<html>Proxy</html>", 401],
    ["a page that says 400", "<html>Bad Request</html>", 400],
    ["positions that are none", { session: "s", positions: { "chat.a": { offset: "x" } } }],
    ["frames that are none", { session: "s", frames: 7, positions: {} }],
    ["a frame that is none", { session: "s", frames: [null], positions: {} }],
  ])("answered by %s is tried again, and loses nothing", async (_name, body, status) => {
    listen();
    await begin();
    await answer(body, status);
    expect([halley.state, reasons]).toEqual(["disconnected", ["CONNECTION_LOST"]]);
    await clock.advance(1_000);
    expect(held.polls).toHaveLength(3);
    expect(held.poll.body.frames.at(-1)).toMatchObject({ subscribe: { channel: "chat.a", position: at(10) } });
  });

  it("ends for good where the connector says so itself", async () => {
    await begin();
    await answer({ error: { code: "PERMISSION_DENIED", reason: "ORIGIN_REFUSED", message: "no" } }, 403);
    expect([halley.state, reasons]).toEqual(["closed", ["REFUSED"]]);
  });

  it("keeps nothing under way after close(), not even a poll that was overtaken", async () => {
    await begin();
    halley.subscribe("chat.b", () => undefined);
    await settle();
    await clock.advance(25);
    expect(held.polls.map(({ isAborted }) => isAborted)).toEqual([false, false, false]);
    halley.close();
    expect(held.polls.slice(1).map(({ isAborted }) => isAborted)).toEqual([true, true]);
    expect(clock.timers).toBe(0);
  });

  it("does not look at the answer of a poll that was overtaken: the next one brings the same", async () => {
    listen();
    await begin();
    const older = held.poll;
    void halley.publish("chat.a", "mine").catch(() => undefined);
    await settle();
    await clock.advance(25);
    older.answer({ session: "s", frames: [publication(11)], positions: { "chat.a": at(11) } });
    await clock.advance(25);
    expect(handled).toEqual([]);
    expect(held.poll.body.positions).toEqual({ "chat.a": at(10) });
    await answer({ session: "s", frames: [publication(11)], positions: { "chat.a": at(11) } });
    expect(handled).toEqual([11]);
  });

  it("takes nothing for a channel that was left and subscribed again while it was under way", async () => {
    listen();
    await begin();
    const subscription = halley.subscribe("chat.b", ({ data }) => handled.push(`old ${String(data)}`));
    await settle();
    await clock.advance(25);
    const asking = held.poll;
    subscription.unsubscribe();
    halley.subscribe("chat.b", ({ data }) => handled.push(`new ${String(data)}`));
    const subscribed = { channel: "chat.b", position: at(5), recovered: true, publications: [{ channel: "chat.b", offset: 5, data: 5 }] };
    asking.answer({ session: "s", frames: [{ id: asking.body.frames[0]?.id, subscribed }], positions: { "chat.a": at(10), "chat.b": at(5) } });
    await settle();
    await clock.advance(25);
    expect(held.poll.body.positions).toEqual({ "chat.a": at(10) });
    expect(held.poll.body.frames).toMatchObject([{ subscribe: { channel: "chat.b" } }]);
    expect(handled).toEqual([]);
  });

  it("hands nothing over twice when positions go back", async () => {
    listen();
    await begin();
    await answer({ session: "s", frames: [publication(11), publication(12)], positions: { "chat.a": at(12) } });
    await answer({ session: "s", frames: [publication(11), publication(13)], positions: { "chat.a": at(3) } });
    await answer({ session: "s", frames: [publication(4), publication(13)], positions: { "chat.a": at(4) } });
    expect(handled).toEqual([11, 12, 13]);
  });

  it("is given up when it is not answered", async () => {
    listen();
    await begin();
    await clock.advance(34_900);
    expect(halley.state).toBe("connected");
    await clock.advance(100);
    expect([halley.state, reasons]).toEqual(["disconnected", ["CONNECTION_LOST"]]);
  });

  it("must be answered within 3 s when it was sent after a wake, whatever an older one brings", async () => {
    await begin();
    const older = held.poll;
    void halley.publish("chat.a", "mine").catch(() => undefined);
    await clock.advance(25);
    const busy = held.poll;
    expect(busy).not.toBe(older);
    await clock.advance(1);
    wake();
    busy.answer({ session: "s", frames: [], positions: {} });
    await clock.advance(100);
    expect(held.poll.body.frames).toMatchObject([{ refresh: {} }]);
    await clock.advance(2_898);
    expect(halley.state).toBe("connected");
    await clock.advance(2);
    expect(halley.state).toBe("disconnected");
  });

  it("is given up within 3 s, once, when it signs in after a silence: the browser may have put it on another dead connection", async () => {
    await begin();
    await clock.advance(35_000);
    await clock.advance(500);
    expect(halley.state).toBe("connecting");
    await clock.advance(3_000);
    expect(halley.state).toBe("disconnected");
    await clock.advance(1_000);
    await clock.advance(9_000);
    expect(halley.state).toBe("connecting");
    await answer({ session: "s", frames: [], positions: {} });
    expect(halley.state).toBe("connected");
  });
});
