import { describe, expect, it } from "vitest";
import { settle } from "../test/fakeClock.js";
import { Scene } from "../test/scene.js";
import { type Publication, type ServerFrame } from "./frames.js";
import { type SubscribeOptions, type Subscription } from "./subscription.js";

const at = (offset: number, epoch = "e"): { offset: number; epoch: string } => ({ offset, epoch });
const lobby = (offset: number): ServerFrame => ({ publication: { channel: "chat.lobby", offset, data: offset } });

interface Heard {
  readonly log: string[];
  readonly subscription: Subscription;
}

/** Subscribes, and writes down all that is told. */
function listen(scene: Scene, options: SubscribeOptions = {}, channel = "chat.lobby"): Heard {
  const log: string[] = [];
  const subscription = scene.halley.subscribe(channel, ({ offset }: Publication) => log.push(String(offset)), {
    ...options,
    onSubscribed: ({ recovered, position }) => log.push(`subscribed ${String(recovered)} ${position.offset}`),
    onReset: ({ position, reason }) => log.push(`reset ${position.epoch} ${position.offset} ${reason}`),
    onError: ({ reason }) => log.push(`error ${reason}`),
  });
  return { log, subscription };
}

function answer(scene: Scene, subscribed: NonNullable<ServerFrame["subscribed"]>): void {
  const { link } = scene.webSocket;
  const ask = link.asked("subscribe").at(-1);
  link.say({ id: ask?.id ?? 0, subscribed: { channel: "chat.lobby", ...subscribed } });
}

async function subscribed(position = at(10), options: SubscribeOptions = {}): Promise<Heard & { readonly scene: Scene }> {
  const scene = new Scene();
  const heard = listen(scene, options);
  await scene.connect();
  answer(scene, { position, recovered: true });
  return { scene, ...heard };
}

async function reconnect(scene: Scene): Promise<void> {
  scene.webSocket.link.end();
  await scene.clock.advance(1_000);
  scene.webSocket.link.welcome();
}

describe("channels", () => {
  it("ask right behind the sign-in, and hand over what comes", async () => {
    const { scene, log, subscription } = await subscribed();
    expect(scene.webSocket.link.sent.map((frame) => Object.keys(frame)[1])).toEqual(["connect", "subscribe"]);
    expect(scene.webSocket.link.asked("subscribe")[0]?.subscribe).toEqual({ channel: "chat.lobby" });
    scene.webSocket.link.say(lobby(11), lobby(14));
    expect(log).toEqual(["subscribed true 10", "11", "14"]);
    expect(subscription.position).toEqual(at(14));
  });

  it("drop what was handled already", async () => {
    const { scene, log } = await subscribed();
    scene.webSocket.link.say(lobby(11), lobby(11), lobby(9), lobby(12));
    expect(log).toEqual(["subscribed true 10", "11", "12"]);
  });

  it("move the position after the callback, also when that throws", async () => {
    const scene = new Scene();
    const seen: (number | undefined)[] = [];
    const subscription = scene.halley.subscribe("chat.lobby", () => {
      seen.push(subscription.position?.offset);
      throw new Error("the app's fault");
    });
    await scene.connect();
    answer(scene, { position: at(10), recovered: true });
    scene.webSocket.link.say(lobby(11), lobby(12));
    expect(seen).toEqual([10, 11]);
    expect(subscription.position).toEqual(at(12));
    expect(scene.faults).toHaveLength(2);
  });

  it("come back with the position and hand over what was missed", async () => {
    const { scene, log, subscription } = await subscribed();
    scene.webSocket.link.say(lobby(11));
    await reconnect(scene);
    expect(scene.webSocket.link.asked("subscribe")[0]?.subscribe).toEqual({ channel: "chat.lobby", position: at(11) });
    const missed = [11, 12, 13].map((offset) => ({ channel: "chat.lobby", offset, data: offset }));
    answer(scene, { position: at(20), recovered: true, publications: missed });
    scene.webSocket.link.say(lobby(14), lobby(21));
    expect(log.slice(2)).toEqual(["subscribed true 20", "12", "13", "21"]);
    expect(subscription.position).toEqual(at(21));
  });

  it("tell honestly that the history is another one, and go on there", async () => {
    const { scene, log, subscription } = await subscribed(at(500));
    await reconnect(scene);
    const publications = [3, 4].map((offset) => ({ channel: "chat.lobby", offset, data: offset }));
    answer(scene, { position: at(4, "new"), recovered: false, publications });
    scene.webSocket.link.say(lobby(5));
    expect(log.slice(1)).toEqual(["subscribed false 4", "3", "4", "5"]);
    expect(subscription.position).toEqual(at(5, "new"));
  });

  it("replace the position on a reset", async () => {
    const { scene, log, subscription } = await subscribed();
    scene.webSocket.link.say({ reset: { channel: "chat.lobby", position: at(2, "new"), reason: "HISTORY_LOST" } }, lobby(3));
    expect(log.slice(1)).toEqual(["reset new 2 HISTORY_LOST", "3"]);
    expect(subscription.position).toEqual(at(3, "new"));
  });

  it("raise positions by pings: same namespace, same epoch, never back", async () => {
    const { scene, subscription } = await subscribed();
    scene.webSocket.link.say({ ping: { positions: { news: at(99), chat: at(40) } } });
    expect(subscription.position).toEqual(at(40));
    scene.webSocket.link.say({ ping: { positions: { chat: at(30) } } }, { ping: { positions: { chat: at(90, "other") } } });
    expect(subscription.position).toEqual(at(40));
  });

  it("begin where the app says that it stands", async () => {
    const { scene, log } = await subscribed(at(12), { position: at(7) });
    expect(scene.webSocket.link.asked("subscribe")[0]?.subscribe?.position).toEqual(at(7));
    expect(log).toEqual(["subscribed true 12"]);
  });

  it("end with an error when they are refused, and are not asked for again", async () => {
    const scene = new Scene();
    const { log } = listen(scene);
    await scene.connect();
    const id = scene.webSocket.link.asked("subscribe")[0]?.id ?? 0;
    scene.webSocket.link.say({ id, error: { code: "PERMISSION_DENIED", reason: "SUBSCRIBE_DENIED", message: "no" } });
    await reconnect(scene);
    expect(log).toEqual(["error SUBSCRIBE_DENIED"]);
    expect(scene.webSocket.link.asked("subscribe")).toEqual([]);
  });

  it("are asked for again, after a while, when the error passes", async () => {
    const scene = new Scene();
    const { log } = listen(scene);
    await scene.connect();
    const id = scene.webSocket.link.asked("subscribe")[0]?.id ?? 0;
    scene.webSocket.link.say({ id, error: { code: "UNAVAILABLE", reason: "NATS_UNAVAILABLE", message: "again", retryable: true } });
    expect(scene.errors.map(({ reason }) => reason)).toEqual(["NATS_UNAVAILABLE"]);
    await scene.clock.advance(1_000);
    answer(scene, { position: at(1), recovered: true });
    expect(log).toEqual(["subscribed true 1"]);
  });

  it("end when the connector ends them", async () => {
    const { scene, log } = await subscribed();
    scene.webSocket.link.say({ unsubscribed: { channel: "chat.lobby", reason: "SUBSCRIBE_DENIED" } }, lobby(11));
    expect(log.slice(1)).toEqual(["error SUBSCRIBE_DENIED"]);
  });

  it("are given up with their last subscriber only", async () => {
    const { scene, subscription } = await subscribed();
    const second = listen(scene);
    await settle();
    expect(second.log).toEqual(["subscribed true 10"]);
    subscription.unsubscribe();
    subscription.unsubscribe();
    expect(scene.webSocket.link.asked("unsubscribe")).toEqual([]);
    scene.webSocket.link.say(lobby(11));
    second.subscription.unsubscribe();
    expect(scene.webSocket.link.asked("unsubscribe").map(({ unsubscribe }) => unsubscribe?.channel)).toEqual(["chat.lobby"]);
    scene.webSocket.link.say(lobby(12));
    expect(second.log.slice(1)).toEqual(["11"]);
  });

  it("promise nothing to a second subscriber who stands further back", async () => {
    const { scene } = await subscribed();
    const second = listen(scene, { position: at(3) });
    await settle();
    expect(second.log).toEqual(["subscribed false 10"]);
  });

  it("take nothing for a new subscription that still belongs to the one before it", async () => {
    const { scene, subscription } = await subscribed();
    subscription.unsubscribe();
    const again = listen(scene);
    scene.webSocket.link.say(lobby(11));
    expect(again.log).toEqual([]);
    answer(scene, { position: at(11), recovered: true });
    scene.webSocket.link.say(lobby(12));
    expect(again.log).toEqual(["subscribed true 11", "12"]);
  });

  it("that the connector subscribes by itself come with the sign-in, positions and all", async () => {
    const scene = new Scene();
    const log: string[] = [];
    const inbox = scene.halley.inbox<string>(({ data }) => log.push(`inbox ${data}`), {
      onSubscribed: ({ recovered }) => log.push(`inbox ${String(recovered)}`),
    });
    scene.halley.everyone<string>(({ data }) => log.push(`all ${data}`), { position: at(7, "a") });
    scene.halley.connect();
    await settle();
    expect(scene.webSocket.link.sent[0]?.connect?.positions).toEqual({ all: at(7, "a") });
    const publications = [{ channel: "all", offset: 8, data: "missed" }];
    const subscriptions = { "user.ada": { position: at(0, "u"), recovered: true }, all: { position: at(9, "a"), recovered: true, publications } };
    scene.webSocket.link.welcome({ subscriptions });
    scene.webSocket.link.say({ publication: { channel: "user.ada", offset: 4, data: "hello" } });
    expect(log).toEqual(["inbox true", "all missed", "inbox hello"]);
    expect(inbox.channel).toBe("user.ada");
    expect(scene.webSocket.link.asked("subscribe")).toEqual([]);
    await reconnect(scene);
    expect(scene.webSocket.link.sent[0]?.connect?.positions).toEqual({ "user.ada": at(4, "u"), all: at(9, "a") });
  });

  it("are refused where they are someone else's inbox", async () => {
    const scene = new Scene();
    const { log } = listen(scene, {}, "user.bob");
    await scene.connect();
    const id = scene.webSocket.link.asked("subscribe")[0]?.id ?? 0;
    scene.webSocket.link.say({ id, error: { code: "PERMISSION_DENIED", reason: "SUBSCRIBE_DENIED", message: "no" } });
    expect(log).toEqual(["error SUBSCRIBE_DENIED"]);
  });
});

describe("members", () => {
  it("are answered, or fail with the connection", async () => {
    const scene = new Scene();
    await expect(scene.halley.members("chat.lobby")).rejects.toMatchObject({ reason: "CONNECTION_LOST" });
    await scene.connect();
    const members = scene.halley.members("chat.lobby");
    scene.webSocket.link.say({ id: scene.webSocket.link.asked("members")[0]?.id ?? 0, members: { users: ["ada"], sessions: 2 } });
    expect(await members).toEqual({ users: ["ada"], sessions: 2 });
    const lost = scene.halley.members("chat.lobby");
    scene.webSocket.link.end();
    await expect(lost).rejects.toMatchObject({ reason: "CONNECTION_LOST" });
  });
});
