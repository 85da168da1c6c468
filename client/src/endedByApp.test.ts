import { describe, expect, it } from "vitest";
import { settle } from "../test/fakeClock.js";
import { Scene } from "../test/scene.js";
import { type Publication, type ServerFrame } from "./frames.js";

const missed = [11, 12, 13].map((offset): Publication => ({ channel: "chat.lobby", offset, data: offset }));

function answer(scene: Scene, publications = missed): void {
  const { link } = scene.webSocket;
  const subscribed: ServerFrame["subscribed"] = { channel: "chat.lobby", position: { offset: 20, epoch: "e" }, recovered: true, publications };
  link.say({ id: link.asked("subscribe").at(-1)?.id ?? 0, subscribed });
}

/** Lets long-poll take over, and time pass until WebSocket is probed beside it. */
async function probed(scene: Scene): Promise<void> {
  scene.halley.connect();
  for (let failures = 0; failures < 2; failures++) {
    await settle();
    scene.webSocket.link.end();
    await scene.clock.advance(2_000);
  }
  scene.poll.link.welcome();
  await scene.clock.advance(20_000);
  scene.poll.link.say({ ping: {} });
  await scene.clock.advance(10_000);
}

describe("an app that ends things in its callbacks", () => {
  it("is handed the rest of what it missed when it connects again", async () => {
    const scene = new Scene();
    const handled: number[] = [];
    const subscription = scene.halley.subscribe("chat.lobby", ({ offset }) => {
      handled.push(offset);
      if (offset === 11) scene.halley.close();
    }, { position: { offset: 10, epoch: "e" } });
    await scene.connect();
    answer(scene);
    expect(handled).toEqual([11]);
    expect(subscription.position).toEqual({ offset: 11, epoch: "e" });
    await scene.connect();
    expect(scene.webSocket.link.asked("subscribe")[0]?.subscribe?.position).toEqual({ offset: 11, epoch: "e" });
    answer(scene);
    expect(handled).toEqual([11, 12, 13]);
  });

  it("keeps the position of a subscription at what it has handled of it", async () => {
    const scene = new Scene();
    const handled: number[] = [];
    const subscription = scene.halley.subscribe("chat.lobby", ({ offset }) => {
      handled.push(offset);
      if (offset === 12) subscription.unsubscribe();
    }, { position: { offset: 10, epoch: "e" } });
    await scene.connect();
    answer(scene);
    scene.webSocket.link.say({ publication: { channel: "chat.lobby", offset: 21, data: 21 } });
    expect(handled).toEqual([11, 12]);
    expect(subscription.position).toEqual({ offset: 12, epoch: "e" });
    expect(scene.webSocket.link.asked("unsubscribe")).toHaveLength(1);
  });

  it("stays closed when it closes while another transport takes over", async () => {
    const scene = new Scene();
    await probed(scene);
    expect([scene.halley.transport, scene.webSocket.links.length]).toEqual(["poll", 3]);
    scene.halley.on("state", ({ state }) => {
      if (state === "connecting") scene.halley.close();
    });
    scene.webSocket.link.open();
    expect(scene.webSocket.link.isClosed).toBe(true);
    expect(scene.clock.timers).toBe(0);
    await scene.clock.advance(60_000);
    expect(scene.halley.state).toBe("closed");
  });

  it("leaves nothing under way when it closes while it is told of its inbox", async () => {
    const scene = new Scene();
    scene.halley.everyone(() => undefined, { onSubscribed: () => scene.halley.close() });
    const published = scene.halley.publish("chat.lobby", 1);
    published.catch(() => undefined);
    const subscriptions = { all: { position: { offset: 1, epoch: "e" }, recovered: true }, "user.ada": { position: { offset: 1, epoch: "e" }, recovered: true } };
    scene.halley.connect();
    await settle();
    scene.webSocket.link.welcome({ subscriptions });
    await expect(published).rejects.toMatchObject({ reason: "CLOSED" });
    expect(scene.clock.timers).toBe(0);
  });

  it("can publish at once when it closes and connects while it is told of its inbox", async () => {
    const scene = new Scene();
    let isFirst = true;
    scene.halley.everyone(() => undefined, {
      onSubscribed: () => {
        if (!isFirst) return;
        isFirst = false;
        scene.halley.close();
        scene.halley.connect();
        void scene.halley.publish("chat.lobby", "kept");
      },
    });
    const subscriptions = { all: { position: { offset: 1, epoch: "e" }, recovered: true } };
    scene.halley.connect();
    await settle();
    scene.webSocket.link.welcome({ subscriptions });
    await settle();
    scene.webSocket.link.welcome({ subscriptions });
    expect(scene.webSocket.links).toHaveLength(2);
    expect(scene.webSocket.link.asked("publish").map(({ publish }) => publish?.data)).toEqual(["kept"]);
  });

  it("has its publishes rejected when it closes before it ever connected", async () => {
    const scene = new Scene();
    const published = scene.halley.publish("chat.lobby", 1);
    scene.halley.close();
    await expect(published).rejects.toMatchObject({ reason: "CLOSED" });
    await expect(scene.halley.publish("chat.lobby", 2)).rejects.toMatchObject({ reason: "CLOSED" });
    expect(scene.clock.timers).toBe(0);
  });
});
