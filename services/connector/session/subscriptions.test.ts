import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { startSessionServices, type TestServices } from "../../../test/helpers/sessionServices.js";
import type { Batch } from "../channel/batch.js";
import type { Position } from "../protocol/position.js";
import type { ServerFrame, SubscribedBody } from "../protocol/serverFrame.js";
import type { Outlet } from "./outlet.js";
import { Subscriptions } from "./subscriptions.js";

/** A connection whose client reads when it is told to. */
class SlowOutlet implements Outlet {
  readonly transport = "websocket";
  readonly received: (number | string)[] = [];
  full = false;
  /** Publications that fill it, once it was read. */
  holds = Infinity;
  #taken = 0;
  #waiting: (() => void)[] = [];

  get empty(): boolean {
    return !this.full;
  }

  get congested(): boolean {
    return this.full;
  }

  send(frame: ServerFrame): void {
    if (frame.kind === "publication") {
      this.received.push(frame.publication.offset);
      if (++this.#taken >= this.holds) this.full = true;
    } else this.received.push(frame.kind === "reset" ? frame.reason : frame.kind);
  }

  publish({ publications }: Batch): boolean {
    if (this.full) return false;
    this.received.push(...publications.map(({ offset }) => offset));
    return true;
  }

  onFault(): void {
    this.received.push("fault");
  }

  drained(): Promise<void> {
    return this.full ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  read(): void {
    this.full = false;
    this.#taken = 0;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  deadlineChanged(): void {
    // It has none.
  }

  close(): void {
    this.received.push("close");
  }
}

describe("subscriptions", () => {
  let nats: NatsServer;
  let test: TestServices;
  let outlet: SlowOutlet;
  let subscriptions: Subscriptions;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    test = await startSessionServices(nats.url);
    outlet = new SlowOutlet();
    subscriptions = new Subscriptions(test.services, test.services.sessionIds.create("1"), outlet);
  });
  afterEach(async () => {
    subscriptions.end();
    await test.stop();
  });

  const subscribe = async (channel: string, position?: Position): Promise<SubscribedBody> => {
    let answer: SubscribedBody | undefined;
    await subscriptions.subscribe(channel, position, (body) => { answer = body; });
    if (!answer) throw new Error("not answered");
    return answer;
  };
  const publish = async (channel: string, count: number): Promise<number[]> => {
    const sequences: number[] = [];
    for (let n = 0; n < count; n++) {
      const answer = await test.bus.request(`halley.pub.${channel}`, `{"n":${String(n)}}`, 5_000);
      sequences.push((JSON.parse(Buffer.from(answer.data).toString()) as { seq: number }).seq);
    }
    return sequences;
  };

  it("tell of a loss only who has not passed it already, and never move back", async () => {
    const { channel } = test.services.hub.hold("chat.a");
    const attach = vi.spyOn(channel, "attach");
    await publish("chat.a", 3);
    const { position } = await subscribe("chat.a");
    const subscriber = attach.mock.calls[0]?.[0];
    // As a connector does that was frozen for longer than the history lasts, to a client that comes from another one.
    subscriber?.onReset("HISTORY_LOST", { above: position.offset - 2, upTo: position.offset });
    expect(outlet.received).toEqual([]);
    subscriber?.onReset("HISTORY_LOST", { above: position.offset, upTo: position.offset + 2 });
    expect(outlet.received).toEqual(["HISTORY_LOST"]);
  });

  it("read on from where they stand when that is in what their channel has lost", async () => {
    const { channel } = test.services.hub.hold("chat.a");
    await test.services.hub.open(channel);
    const attach = vi.spyOn(channel, "attach");
    const [first = 0, second = 0, third = 0] = await publish("chat.a", 3);
    // It knew of the first two from another connector: this one has not heard them yet.
    const before = channel.position;
    vi.spyOn(channel, "position", "get").mockReturnValue({ offset: first, epoch: before.epoch });
    vi.spyOn(channel, "recent").mockReturnValueOnce({ publications: [], position: { offset: second, epoch: before.epoch }, continuous: true });
    await subscribe("chat.a", { offset: second, epoch: before.epoch });
    const subscriber = attach.mock.calls[0]?.[0];
    vi.restoreAllMocks();
    await eventually(() => channel.position.offset >= third);
    outlet.received.length = 0;
    subscriber?.onReset("HISTORY_LOST", { above: first, upTo: third });
    await eventually(() => outlet.received.length > 0);
    expect(outlet.received).toEqual([third]);
    const [fourth] = await publish("chat.a", 1);
    await eventually(() => outlet.received.length === 2);
    expect(outlet.received).toEqual([third, fourth]);
  });

  it("push what comes, and while the client is slow read on from where it stands, without hole or repetition", async () => {
    await subscribe("chat.a");
    const first = await publish("chat.a", 3);
    await eventually(() => outlet.received.length === 3);
    outlet.full = true;
    const second = await publish("chat.a", 40);
    expect(outlet.received).toEqual(first);
    outlet.read();
    await eventually(() => outlet.received.length === 43);
    const third = await publish("chat.a", 3);
    await eventually(() => outlet.received.length === 46);
    expect(outlet.received).toEqual([...first, ...second, ...third]);
  });

  it("wait for room between two publications of one piece of history, and queue nothing once they have ended", async () => {
    await subscribe("chat.a");
    outlet.full = true;
    const missed = await publish("chat.a", 10);
    outlet.holds = 3;
    for (const count of [3, 6]) {
      outlet.read();
      await eventually(() => outlet.received.length === count);
      await test.bus.flush();
      expect(outlet.received).toEqual(missed.slice(0, count));
    }
    subscriptions.drop("chat.a");
    outlet.read();
    await test.bus.flush();
    expect(outlet.received).toEqual(missed.slice(0, 6));
  });

  it("answer only when the client has room", async () => {
    outlet.full = true;
    let answered = false;
    const waiting = subscriptions.subscribe("chat.b", undefined, () => { answered = true; });
    await eventually(() => test.services.hub.channels > 0);
    await publish("chat.b", 1);
    expect(answered).toBe(false);
    outlet.read();
    await waiting;
    expect(answered).toBe(true);
  });

  it("tell presence and the counts each change once: joined, replaced, left, ended", async () => {
    await subscribe("chat.c");
    await subscribe("chat.c");
    expect([test.presence, test.counts.get("chat.c")]).toEqual([["joined chat.c", "joined chat.c"], 1]);
    await subscribe("news.c");
    subscriptions.drop("news.c");
    subscriptions.drop("chat.c");
    subscriptions.drop("chat.c");
    expect(test.presence.slice(2)).toEqual(["left chat.c"]);
    expect([test.counts.get("chat.c"), test.counts.get("news.c"), subscriptions.size]).toEqual([0, 0, 0]);
    await subscribe("chat.d");
    subscriptions.end();
    expect([test.presence.at(-1), test.counts.get("chat.d")]).toEqual(["joined chat.d", 0]);
  });

  it("cancel what a later one overtakes, and leave presence a subscription that stands", async () => {
    const first = subscriptions.subscribe("chat.e", undefined, () => undefined);
    const second = subscribe("chat.e");
    await expect(first).rejects.toMatchObject({ reason: "CANCELLED" });
    await second;
    expect([subscriptions.size, test.counts.get("chat.e"), test.presence]).toEqual([1, 1, ["joined chat.e"]]);
  });

  it("tell presence that the session left when a subscription can't be renewed", async () => {
    await subscribe("chat.f");
    const [sequence] = await publish("chat.f", 1);
    await nats.stop();
    await eventually(() => !test.bus.connected);
    const failing = subscriptions.subscribe("chat.f", { offset: (sequence ?? 0) + 1_000, epoch: test.services.hub.epochOf("chat") }, () => undefined);
    await expect(failing).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await nats.start();
    expect([subscriptions.has("chat.f"), test.presence, test.counts.get("chat.f")]).toEqual([false, ["joined chat.f", "left chat.f"], 0]);
    await eventually(() => test.bus.connected);
  });

  it("name proven positions of namespaces in which nothing is behind", async () => {
    await Promise.all([subscribe("chat.g"), subscribe("news.g"), subscribe("live.g")]);
    await eventually(() => subscriptions.provenPositions().size === 2);
    expect([...subscriptions.provenPositions().keys()].sort()).toEqual(["chat", "news"]);
    outlet.full = true;
    await publish("chat.g", 1);
    await eventually(() => !subscriptions.provenPositions().has("chat"));
    expect(subscriptions.provenPositions().has("news")).toBe(true);
  });
});
