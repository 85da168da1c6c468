import { describe, expect, it } from "vitest";
import { settle } from "../test/fakeClock.js";
import { Scene } from "../test/scene.js";
import { PUBLISH_WINDOW } from "./outbox.js";

const texts = (scene: Scene): unknown[] => scene.webSocket.link.asked("publish").map(({ publish }) => publish?.data);

function answerAll(scene: Scene): void {
  const { link } = scene.webSocket;
  for (let answered = 0; answered < link.asked("publish").length; answered += 1) {
    link.say({ id: link.asked("publish")[answered]?.id ?? 0, published: { position: { offset: answered + 1, epoch: "e" } } });
  }
}

describe("outbox", () => {
  it("resolves with the position", async () => {
    const scene = new Scene();
    await scene.connect();
    const published = scene.halley.publish("chat.lobby", { text: "hi" }, { type: "note", key: "k1" });
    const { id, publish } = scene.webSocket.link.asked("publish")[0] ?? {};
    expect(publish).toEqual({ channel: "chat.lobby", type: "note", data: { text: "hi" }, key: "k1" });
    scene.webSocket.link.say({ id: id ?? 0, published: { position: { offset: 7, epoch: "e" }, duplicate: true } });
    expect(await published).toEqual({ position: { offset: 7, epoch: "e" }, duplicate: true });
  });

  it("has no position where the channel has no history", async () => {
    const scene = new Scene();
    await scene.connect();
    const published = scene.halley.publish("live.x", 1);
    scene.webSocket.link.say({ id: scene.webSocket.link.asked("publish")[0]?.id ?? 0, published: {} });
    expect(await published).toEqual({ duplicate: false });
  });

  it("keeps publishes while there is no connection and sends them in order", async () => {
    const scene = new Scene();
    const all = [1, 2, 3].map((number) => scene.halley.publish("chat.lobby", number));
    await scene.connect();
    expect(texts(scene)).toEqual([1, 2, 3]);
    answerAll(scene);
    expect((await Promise.all(all)).map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
  });

  it("sends what was not answered again, under the same key", async () => {
    const scene = new Scene();
    await scene.connect();
    const published = scene.halley.publish("chat.lobby", "once");
    const key = scene.webSocket.link.asked("publish")[0]?.publish?.key;
    scene.webSocket.link.end();
    await scene.clock.advance(1_000);
    scene.webSocket.link.welcome();
    expect(scene.webSocket.link.asked("publish").map(({ publish }) => publish?.key)).toEqual([key]);
    answerAll(scene);
    expect((await published).duplicate).toBe(false);
  });

  it("repeats what the connector could not do now, and rejects what it refused", async () => {
    const scene = new Scene();
    await scene.connect();
    const later = scene.halley.publish("chat.lobby", "later");
    const refused = scene.halley.publish("sys.stats", "never");
    const { link } = scene.webSocket;
    const [first, second] = link.asked("publish").map(({ id }) => id ?? 0);
    link.say({ id: first ?? 0, error: { code: "UNAVAILABLE", reason: "NATS_UNAVAILABLE", message: "away", retryable: true } });
    link.say({ id: second ?? 0, error: { code: "PERMISSION_DENIED", reason: "PUBLISH_DENIED", message: "no" } });
    await expect(refused).rejects.toMatchObject({ reason: "PUBLISH_DENIED", code: "PERMISSION_DENIED" });
    await scene.clock.advance(1_000);
    expect(texts(scene)).toEqual(["later", "never", "later"]);
    link.say({ id: link.asked("publish").at(-1)?.id ?? 0, published: {} });
    await later;
  });

  it("never hangs: a publish is rejected when its time is over", async () => {
    const scene = new Scene({ publishTimeoutMs: 5_000 });
    const published = scene.halley.publish("chat.lobby", 1);
    const rejected = expect(published).rejects.toMatchObject({ reason: "PUBLISH_TIMEOUT", retryable: true });
    await scene.clock.advance(5_000);
    await rejected;
    await scene.connect();
    expect(texts(scene)).toEqual([]);
  });

  it("is bounded in number and in bytes", async () => {
    const few = new Scene({ maxPending: 2 });
    const kept = [few.halley.publish("chat.lobby", 1), few.halley.publish("chat.lobby", 2)];
    await expect(few.halley.publish("chat.lobby", 3)).rejects.toMatchObject({ reason: "OUTBOX_FULL" });
    const large = new Scene();
    const half = "x".repeat(220 * 1_024);
    for (let count = 0; count < 18; count += 1) kept.push(large.halley.publish("chat.lobby", half));
    await expect(large.halley.publish("chat.lobby", half)).rejects.toMatchObject({ reason: "OUTBOX_FULL" });
    const closed = kept.map((one) => expect(one).rejects.toMatchObject({ reason: "CLOSED" }));
    for (const { halley } of [few, large]) {
      halley.connect();
      halley.close();
    }
    await Promise.all(closed);
  });

  it("puts no more than its window onto the wire", async () => {
    const scene = new Scene();
    await scene.connect();
    const all = Array.from({ length: PUBLISH_WINDOW + 8 }, (_, index) => scene.halley.publish("chat.lobby", index));
    expect(texts(scene)).toHaveLength(PUBLISH_WINDOW);
    answerAll(scene);
    await Promise.all(all);
    expect(texts(scene)).toEqual(all.map((_, index) => index));
  });

  it("refuses at once what can't be sent", async () => {
    const scene = new Scene();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    await expect(scene.halley.publish("chat.lobby", undefined)).rejects.toMatchObject({ reason: "INVALID_DATA" });
    await expect(scene.halley.publish("chat.lobby", circle)).rejects.toMatchObject({ reason: "INVALID_DATA" });
    await expect(scene.halley.publish("chat.lobby", "ä".repeat(300_000))).rejects.toMatchObject({ reason: "TOO_LARGE" });
  });

  it("asks often enough to be done in time when what the connector waits for comes back", async () => {
    const scene = new Scene();
    scene.chance = 0.999;
    await scene.connect();
    const published = scene.halley.publish("chat.lobby", "patient");
    let answered = 0;
    const refuse = (): void => {
      for (; answered < scene.webSocket.link.asked("publish").length; answered++) {
        const id = scene.webSocket.link.asked("publish")[answered]?.id ?? 0;
        scene.webSocket.link.say({ id, error: { code: "UNAVAILABLE", reason: "NATS_UNAVAILABLE", message: "again", retryable: true } });
      }
    };
    for (let seconds = 0; seconds < 24; seconds++) {
      refuse();
      await scene.clock.advance(1_000);
    }
    refuse();
    await scene.clock.advance(5_000);
    const last = scene.webSocket.link.asked("publish").at(-1);
    scene.webSocket.link.say({ id: last?.id ?? 0, published: {} });
    expect(await published).toEqual({ duplicate: false });
  });

  it("sends what the data was when it was published", async () => {
    const scene = new Scene({ publishTimeoutMs: 1_000 });
    const data = { text: "before" };
    const published = scene.halley.publish("chat.lobby", data);
    data.text = "after";
    await scene.connect();
    expect(texts(scene)).toEqual([{ text: "before" }]);
    answerAll(scene);
    await published;
  });

  it("rejects everything on close, and all that comes until connect()", async () => {
    const scene = new Scene();
    await scene.connect();
    const waiting = scene.halley.publish("chat.lobby", 1);
    scene.halley.close();
    await expect(waiting).rejects.toMatchObject({ reason: "CLOSED" });
    await expect(scene.halley.publish("chat.lobby", 2)).rejects.toMatchObject({ reason: "CLOSED" });
    await settle();
    expect(scene.clock.timers).toBe(0);
  });
});
