import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { subjects } from "../../../../lib/bus/subjects.js";
import { eventually } from "../../../../test/helpers/eventually.js";
import { FakeClock } from "../../../../test/helpers/fakeClock.js";
import { signToken } from "../../../../test/helpers/installation.js";
import { type NatsServer, startNatsServer } from "../../../../test/helpers/natsServer.js";
import type { PollAnswer } from "../../../../test/helpers/pollClient.js";
import { startSessionServices, type TestServices, type TestServicesOptions } from "../../../../test/helpers/sessionServices.js";
import { Departure } from "./departure.js";
import { PollServer } from "./pollServer.js";

describe("poll server", () => {
  let nats: NatsServer;
  let test: TestServices;
  let polls: PollServer;
  let clock: FakeClock;
  let token: string;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    token = await signToken("1");
    // Tokens are judged by the machine's clock.
    clock = new FakeClock(Date.now());
  });
  afterEach(() => test.stop());

  const start = async (options: TestServicesOptions = {}): Promise<void> => {
    test = await startSessionServices(nats.url, { clock, ...options });
    polls = new PollServer({ services: test.services, onDelivered: () => undefined });
  };
  const poll = async (request: object, client = new Departure()): Promise<PollAnswer> =>
    JSON.parse(await polls.answer(Buffer.from(JSON.stringify({ token, waitMs: 0, ...request })), client)) as PollAnswer;

  it("keeps a session for the grace after its last answer, and tells presence once", async () => {
    await start();
    const { session } = await poll({});
    expect(await poll({ session, seq: 2, frames: [{ id: 1, subscribe: { channel: "chat.x" } }] })).toMatchObject({ session });
    expect(test.presence.map((told) => told.split(" ")[0])).toEqual(["opened", "joined"]);
    clock.advance(9_999);
    expect(polls.sessions).toBe(1);
    clock.advance(1);
    expect([polls.sessions, test.services.registry.size]).toEqual([0, 0]);
    expect(test.presence.at(-1)).toMatch(/^closed \w+ 0$/);
    expect(test.counts.get("chat.x")).toBe(0);
  });

  it("leaves sessions online for what is left of their grace when it goes away", async () => {
    await start();
    const [first, second] = [await poll({}), await poll({})];
    clock.advance(4_000);
    const waiting = poll({ session: second.session, seq: 2, positions: second.positions, waitMs: 30_000 });
    await eventually(() => polls.waiting === 1);
    polls.drain();
    await waiting;
    clock.advance(1_000);
    polls.leaveBehind();
    expect(test.presence.slice(-2).map((told) => told.split(" ")[2])).toEqual(["5000", "9000"]);
    expect([polls.sessions, test.services.registry.size, clock.timers, first.frames]).toEqual([0, 0, 0, []]);
  });

  it("leaves nothing of a session that the user may not have", async () => {
    await start({ limits: { sessionsPerUser: 2 } });
    await poll({});
    await poll({});
    await expect(poll({})).rejects.toMatchObject({ reason: "TOO_MANY_SESSIONS" });
    expect([polls.sessions, test.services.registry.size, clock.timers]).toEqual([2, 2, 2]);
    expect(test.presence.filter((told) => told.startsWith("opened"))).toHaveLength(2);
  });

  it("ends an older poll, with an empty answer that moves nothing; one that comes late changes nothing either", async () => {
    await start();
    const { session, positions } = await poll({ frames: [{ id: 1, subscribe: { channel: "chat.x" } }] });
    const older = poll({ session, seq: 2, positions, waitMs: 30_000 });
    await eventually(() => polls.waiting === 1);
    const newer = poll({ session, seq: 3, positions, waitMs: 30_000 });
    expect(await older).toEqual({ session, frames: [], positions });
    const { all, [`user.1`]: inbox } = positions;
    expect(await poll({ session, seq: 1, positions: { all, "user.1": inbox }, waitMs: 30_000 })).toMatchObject({ frames: [] });
    expect(test.presence).not.toContain("left chat.x");
    expect(test.counts.get("chat.x")).toBe(1);
    polls.drain();
    expect(await newer).toMatchObject({ frames: [{ disconnect: { code: 3000 } }] });
    await expect(poll({ session, seq: 4 })).rejects.toMatchObject({ reason: "NOT_READY" });
  });

  it("has room for the session's own channels, whatever else is brought", async () => {
    await start({ limits: { subscriptionsPerSession: 3 } });
    const positions = Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [`chat.${name}`, {}]));
    const answer = await poll({ positions });
    expect(Object.keys(answer.positions).sort()).toEqual(["all", "chat.a", "chat.b", "chat.c", "user.1"]);
    expect(answer.frames).toEqual(["d", "e"].map((name) => ({ unsubscribed: { channel: `chat.${name}`, reason: "TOO_MANY_SUBSCRIPTIONS" } })));
    const again = await poll({ session: answer.session, seq: 2, positions: answer.positions, frames: [{ id: 1, subscribe: { channel: "chat.a" } }] });
    expect(again.frames).toMatchObject([{ id: 1, subscribed: { channel: "chat.a" } }]);
  });

  it("answers a subscribe that a later frame of the same poll overtakes", async () => {
    await start();
    const frames = [{ id: 1, subscribe: { channel: "chat.x" } }, { id: 2, subscribe: { channel: "chat.x" } }, { id: 3, subscribe: { channel: "chat.y" } }, { id: 4, unsubscribe: { channel: "chat.y" } }];
    const answer = await poll({ frames });
    expect(answer.frames).toHaveLength(4);
    expect(answer.frames.find(({ id }) => id === 1)).toMatchObject({ error: { reason: "CANCELLED" } });
    expect(answer.frames.find(({ id }) => id === 2)).toHaveProperty("subscribed");
    expect(answer.frames.find(({ id }) => id === 3)).toMatchObject({ error: { reason: "CANCELLED" } });
    expect(answer.frames.find(({ id }) => id === 4)).toHaveProperty("unsubscribed");
    expect(Object.keys(answer.positions).sort()).toEqual(["all", "chat.x", "user.1"]);
  });

  it("knows the token that it has verified for a session, and no other", async () => {
    await start();
    const { session, positions } = await poll({});
    const verify = test.services.tokens.verify.bind(test.services.tokens);
    const verified: string[] = [];
    test.services.tokens.verify = (text) => {
      verified.push(text);
      return verify(text);
    };
    expect(await poll({ session, seq: 2, positions })).toMatchObject({ session });
    expect(verified).toEqual([]);
    await expect(poll({ session, seq: 3, token: `${token.slice(0, -4)}AAAA` })).rejects.toMatchObject({ reason: "TOKEN_REFUSED" });
    await expect(poll({ session, seq: 3, token: "" })).rejects.toMatchObject({ reason: "TOKEN_REFUSED" });
    expect((await poll({ session, seq: 3, token: await signToken("2") })).session).not.toBe(session);
    expect(verified).toHaveLength(3);
  });

  it("verifies a token again that has expired since, however often it was brought", async () => {
    await start();
    token = await signToken("1", "60s");
    const { session } = await poll({});
    const verify = test.services.tokens.verify.bind(test.services.tokens);
    const verified: number[] = [];
    test.services.tokens.verify = (text) => {
      verified.push(clock.nowMs());
      return verify(text);
    };
    const begunAtMs = clock.nowMs();
    for (let seq = 2; seq < 10; seq++) {
      clock.advance(9_000);
      // By the machine's clock it lives still.
      await poll({ session, seq });
    }
    expect([polls.sessions, verified.length > 0, verified.every((atMs) => atMs - begunAtMs > 58_000)]).toEqual([1, true, true]);
  });

  it("ends a poll with its own token, whichever other is verified at the same time", async () => {
    await start();
    const { session, positions } = await poll({});
    const lifeMs = new Map([["short", 1_000], ["long", 3_600_000]]);
    test.services.tokens.verify = (text) => Promise.resolve({ userId: "1", expiresAtMs: clock.nowMs() + (lifeMs.get(text) ?? 0) });
    const newer = poll({ session, seq: 3, positions, waitMs: 30_000, token: "short" });
    const older = poll({ session, seq: 2, positions, waitMs: 30_000, token: "long" });
    await older;
    clock.advance(1_000);
    expect(await newer).toMatchObject({ session, frames: [] });
  });

  it("leaves nothing of a session that a WebSocket takes here at any moment while a token is checked", async () => {
    await start();
    const { tokens } = test.services;
    const verify = tokens.verify.bind(tokens);
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const { session } = await poll({});
      const id = test.services.sessionIds.check(session, "1")!;
      const webSocket = { supersede: () => undefined };
      tokens.verify = async (text) => {
        const identity = await verify(text);
        const soon = (left: number): void => {
          if (left > 0) queueMicrotask(() => { soon(left - 1); });
          else test.services.registry.claim(id, "1", webSocket);
        };
        soon(microtasks);
        return identity;
      };
      await poll({ session, seq: 2, token: await signToken("1", `${String(microtasks + 1)}h`) });
      tokens.verify = verify;
      test.services.registry.release(id, webSocket);
      clock.advance(10_000);
      expect([polls.sessions, test.services.registry.size], `after ${String(microtasks)} microtasks`).toEqual([0, 0]);
    }
  });

  it("doesn't wait for a client that went away while its token was checked", async () => {
    await start();
    const { session, positions } = await poll({});
    const client = new Departure();
    const another = await signToken("1", "2h");
    const answer = poll({ session, seq: 2, positions, waitMs: 30_000, token: another }, client);
    client.leave();
    await expect(answer).rejects.toMatchObject({ reason: "CANCELLED" });
    expect(polls.waiting).toBe(0);
  });

  it("leaves nothing of a first poll whose client went away, or that brought too many frames", async () => {
    await start({ limits: { framesBurst: 5, framesPerSecond: 1 } });
    const client = new Departure();
    const answer = poll({}, client);
    client.leave();
    await expect(answer).rejects.toMatchObject({ reason: "CANCELLED" });
    await expect(poll({ frames: Array.from({ length: 6 }, () => ({ pong: {} })) })).rejects.toMatchObject({ reason: "TOO_MANY_FRAMES" });
    expect([polls.sessions, clock.timers, test.presence]).toEqual([0, 0, []]);
  });

  it("limits frames per second over the polls of a session", async () => {
    await start({ limits: { framesBurst: 5, framesPerSecond: 1 } });
    const pongs = (count: number): object[] => Array.from({ length: count }, () => ({ pong: {} }));
    const { session } = await poll({ frames: pongs(2) });
    await expect(poll({ session, seq: 2, frames: pongs(2) })).rejects.toMatchObject({ reason: "TOO_MANY_FRAMES", retryAfterMs: 1_000 });
    clock.advance(3_000);
    await poll({ session, seq: 3, frames: pongs(2) });
  });

  it("counts the subscriptions of a session that has gone on elsewhere no more, until it polls here again", async () => {
    await start();
    const { session, positions } = await poll({ frames: [{ id: 1, subscribe: { channel: "chat.x" } }] });
    const id = test.services.sessionIds.check(session, "1")!;
    const pollsElsewhere = async (): Promise<void> => {
      test.bus.publish(subjects.session(id.key), Buffer.from(`c2 ${String(clock.nowMs() + 1)}`));
      await eventually(() => !test.services.registry.isHere(id));
      clock.advance(2);
    };
    await pollsElsewhere();
    expect([polls.sessions, test.counts.get("chat.x")]).toEqual([1, 0]);
    await poll({ session, seq: 2, positions });
    expect(test.counts.get("chat.x")).toBe(1);
    await pollsElsewhere();
    clock.advance(10_000);
    expect([polls.sessions, test.counts.get("chat.x")]).toEqual([0, 0]);
    expect(test.presence.filter((told) => told.startsWith("closed") || told.startsWith("left"))).toEqual([`closed ${id.key} 0`]);
  });

  it("tells presence of a session again that a WebSocket had here while it was elsewhere", async () => {
    await start();
    const { session, positions } = await poll({ frames: [{ id: 1, subscribe: { channel: "chat.x" } }] });
    const id = test.services.sessionIds.check(session, "1")!;
    test.bus.publish(subjects.session(id.key), Buffer.from(`c2 ${String(clock.nowMs() + 1)}`));
    await eventually(() => !test.services.registry.isHere(id));
    const webSocket = { supersede: () => undefined };
    test.services.registry.claim(id, "1", webSocket);
    test.services.registry.release(id, webSocket);
    test.services.presence.sessionClosed(id.bytes, 5_000);
    clock.advance(2_000);
    await poll({ session, seq: 2, positions });
    expect(test.presence.slice(-3)).toEqual([`closed ${id.key} 5000`, `opened ${id.key}`, "joined chat.x"]);
  });

  it("gives its session up to a WebSocket here without telling presence that it is gone", async () => {
    await start();
    const { session } = await poll({});
    const id = test.services.sessionIds.check(session, "1")!;
    test.services.registry.claim(id, "1", { supersede: () => undefined });
    expect([polls.sessions, clock.timers, test.presence.filter((told) => told.startsWith("closed"))]).toEqual([0, 0, []]);
  });
});
