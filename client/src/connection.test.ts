import { describe, expect, it } from "vitest";
import { settle } from "../test/fakeClock.js";
import { Scene, tokenFor } from "../test/scene.js";

const names = (scene: Scene): string[] => scene.states.map(({ state }) => state);

describe("connection", () => {
  it("signs in with the token and is connected when that is answered", async () => {
    const scene = new Scene();
    await scene.connect();
    expect(scene.webSocket.link.asked("connect")[0]?.connect).toEqual({ token: tokenFor("ada"), positions: {} });
    expect(names(scene)).toEqual(["connecting", "connected"]);
    expect([scene.halley.user, scene.halley.transport]).toEqual(["ada", "websocket"]);
  });

  it("comes back after a cut, with jitter from the first time on, and brings its session", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.chance = 0.3;
    scene.webSocket.link.end({ code: 1006 });
    expect(scene.states.at(-1)).toMatchObject({ state: "disconnected", retryInMs: 300, error: { reason: "CONNECTION_LOST" } });
    await scene.clock.advance(299);
    expect(scene.webSocket.links).toHaveLength(1);
    await scene.clock.advance(1);
    expect(scene.webSocket.links).toHaveLength(2);
    expect(scene.webSocket.link.asked("connect")[0]?.connect?.session).toBe("s1");
  });

  it("comes back when a draining connector says, not earlier", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.webSocket.link.say({ disconnect: { code: 3000, reason: "draining", reconnect: true, afterMs: 1_830 } });
    expect(scene.webSocket.links[0]?.isClosed).toBe(true);
    scene.wake();
    await scene.clock.advance(1_829);
    expect(scene.webSocket.links).toHaveLength(1);
    await scene.clock.advance(600);
    expect(scene.webSocket.links).toHaveLength(2);
  });

  it.each([3500, 3501, 3502, 3503, 3504, 1007, 1009])("stays closed after close code %i", async (code) => {
    const scene = new Scene();
    await scene.connect();
    scene.webSocket.link.end({ code, reason: "why" });
    expect(scene.states.at(-1)).toMatchObject({ state: "closed", error: { reason: "REFUSED", retryable: false } });
    expect(scene.errors).toHaveLength(1);
    await scene.clock.advance(600_000);
    expect(scene.webSocket.links).toHaveLength(1);
    expect(scene.clock.timers).toBe(0);
  });

  it.each([1000, 1001, 1005, 1006, 1011, 3001, 3002, 3003, 3004])("comes back after close code %i", async (code) => {
    const scene = new Scene();
    await scene.connect();
    scene.webSocket.link.end({ code });
    await scene.clock.advance(1_000);
    expect(scene.webSocket.links).toHaveLength(2);
  });

  it("comes back with a new token after 3101, and gives up where it only has a string", async () => {
    let calls = 0;
    const scene = new Scene({ token: () => tokenFor(`ada${++calls}`) });
    await scene.connect();
    scene.webSocket.link.end({ code: 3101 });
    await scene.clock.advance(1_000);
    expect(scene.webSocket.link.asked("connect")[0]?.connect?.token).toBe(tokenFor("ada2"));

    const fixed = new Scene({ token: tokenFor("ada") });
    await fixed.connect();
    fixed.webSocket.link.end({ code: 3101 });
    expect(fixed.halley.state).toBe("closed");
  });

  it("takes a refused sign-in for what its error says", async () => {
    const scene = new Scene();
    scene.halley.connect();
    await settle();
    const id = scene.webSocket.link.sent[0]?.id ?? 0;
    scene.webSocket.link.say({ id, error: { code: "UNAUTHENTICATED", reason: "TOKEN_REFUSED", message: "bad signature" } });
    expect(scene.states.at(-1)).toMatchObject({ state: "closed", error: { message: "bad signature" } });
  });

  it("gives a sign-in 10 s", async () => {
    const scene = new Scene();
    scene.halley.connect();
    await scene.clock.advance(9_999);
    expect(scene.halley.state).toBe("connecting");
    await scene.clock.advance(1);
    expect(scene.halley.state).toBe("disconnected");
    expect(scene.webSocket.links[0]?.isClosed).toBe(true);
  });

  it("tries again when the token provider fails or never answers", async () => {
    let calls = 0;
    const scene = new Scene({
      token: () => {
        calls += 1;
        if (calls === 1) throw new Error("backend away");
        return calls === 2 ? new Promise<string>(() => undefined) : tokenFor("ada");
      },
    });
    scene.halley.connect();
    await settle();
    expect(scene.states.at(-1)).toMatchObject({ state: "disconnected", error: { reason: "TOKEN_UNAVAILABLE" } });
    await scene.clock.advance(1_000 + 15_000 + 2_000);
    expect(calls).toBe(3);
    expect(scene.webSocket.links).toHaveLength(1);
  });

  it("takes what is no token for a provider that is away", async () => {
    const answers = ["<html>Bad Gateway</html>", "", undefined as unknown as string, `${tokenFor("ada")}\n`];
    const scene = new Scene({ token: () => answers.shift() ?? "" });
    scene.halley.connect();
    await scene.clock.advance(10_000);
    scene.webSocket.link.welcome();
    expect(scene.webSocket.link.asked("connect")[0]?.connect?.token).toBe(tokenFor("ada"));
    expect(scene.states.filter(({ error }) => error?.reason === "TOKEN_UNAVAILABLE")).toHaveLength(3);
  });

  it("reconnects with the token that it has, as long as that lives, while no new one can be had", async () => {
    let isAway = false;
    const scene: Scene = new Scene({
      token: () => {
        if (isAway) throw new Error("backend away");
        const iat = Math.floor(scene.clock.nowMs() / 1_000);
        return tokenFor("ada", { iat, exp: iat + 101 });
      },
    });
    await scene.connect();
    isAway = true;
    await scene.clock.advance(20_000);
    for (let pings = 0; pings < 7; pings++) {
      scene.webSocket.link.say({ ping: {} });
      await scene.clock.advance(10_000);
    }
    scene.webSocket.link.end();
    await scene.clock.advance(1_000);
    scene.webSocket.link.welcome();
    expect(scene.halley.state).toBe("connected");
    scene.webSocket.link.end({ code: 3101 });
    await scene.clock.advance(20_000);
    expect(scene.states.at(-1)?.error?.reason).toBe("TOKEN_UNAVAILABLE");
    isAway = false;
    for (let seconds = 0; seconds < 30 && scene.webSocket.links.length < 3; seconds++) await scene.clock.advance(1_000);
    scene.webSocket.link.welcome();
    expect(scene.halley.state).toBe("connected");
  });

  it("takes any frame for a sign of life, and 1.5 ping intervals of silence for the end", async () => {
    const scene = new Scene();
    await scene.connect();
    await scene.clock.advance(25_000);
    scene.webSocket.link.say({ publication: { channel: "all", offset: 1, data: 1 } });
    await scene.clock.advance(29_999);
    expect(scene.halley.state).toBe("connected");
    await scene.clock.advance(1);
    expect(scene.halley.state).toBe("disconnected");
  });

  it("answers pings", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.webSocket.link.say({ ping: {} });
    expect(scene.webSocket.link.asked("pong")).toEqual([{ pong: {} }]);
  });

  it("asks for a sign of life on a wake, and reconnects without one within 3 s", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.wake();
    expect(scene.webSocket.link.asked("refresh")).toHaveLength(1);
    scene.webSocket.link.say({ ping: {} });
    await scene.clock.advance(5_000);
    expect(scene.halley.state).toBe("connected");
    scene.wake();
    await scene.clock.advance(3_000);
    expect(scene.halley.state).toBe("disconnected");
  });

  it("takes a connection for dead when an answer is late and nothing else came, and sends what it had asked on the next one", async () => {
    const scene = new Scene();
    await scene.connect();
    const published = scene.halley.publish("chat.lobby", 1);
    await scene.clock.advance(14_999);
    expect(scene.halley.state).toBe("connected");
    await scene.clock.advance(1);
    expect(scene.halley.state).toBe("disconnected");
    await scene.clock.advance(1_000);
    scene.webSocket.link.welcome();
    const [first, second] = scene.webSocket.links.map((link) => link.asked("publish"));
    expect(second?.map(({ publish }) => publish?.key)).toEqual(first?.map(({ publish }) => publish?.key));
    scene.webSocket.link.say({ id: second?.[0]?.id ?? 0, published: {} });
    await expect(published).resolves.toEqual({ duplicate: false });
  });

  it("does not take a connection for dead when an answer is late but other things came", async () => {
    const scene = new Scene();
    await scene.connect();
    void scene.halley.publish("chat.lobby", 1);
    await scene.clock.advance(8_000);
    scene.webSocket.link.say({ ping: {} });
    await scene.clock.advance(9_000);
    expect(scene.halley.state).toBe("connected");
    expect(scene.webSocket.link.asked("publish")).toHaveLength(2);
  });

  it("does not wait out the limit of an attempt that began before a wake: the network may have swallowed it", async () => {
    const scene = new Scene();
    scene.halley.connect();
    await scene.clock.advance(2_000);
    scene.wake();
    await scene.clock.advance(1_000);
    scene.wake();
    await scene.clock.advance(1_999);
    expect(scene.webSocket.links).toHaveLength(1);
    await scene.clock.advance(1 + 1_000);
    expect(scene.webSocket.links).toHaveLength(2);
  });

  it("does not wait out its delay on a wake", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.chance = 0.999;
    scene.webSocket.link.end();
    scene.chance = 0;
    scene.wake();
    await scene.clock.advance(0);
    expect(scene.webSocket.links).toHaveLength(2);
  });

  it("is not put off by wakes, or by calls of connect(), in quick succession", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.chance = 0.9;
    scene.webSocket.link.end();
    for (let calls = 0; calls < 20; calls++) {
      await scene.clock.advance(100);
      if (scene.halley.state === "disconnected") scene.wake();
      scene.halley.connect();
    }
    expect(scene.webSocket.links).toHaveLength(2);
  });

  it("refreshes the token on the living connection at four fifths of its life", async () => {
    let calls = 0;
    const scene: Scene = new Scene({
      token: () => {
        calls += 1;
        const iat = Math.floor(scene.clock.nowMs() / 1_000);
        return tokenFor("ada", { iat, exp: iat + 101 });
      },
    });
    await scene.connect();
    const stay = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 10_000) {
        await scene.clock.advance(Math.min(left, 10_000));
        scene.webSocket.link.say({ ping: {} });
      }
    };
    await stay(79_000);
    expect(calls).toBe(1);
    await stay(2_000);
    const refresh = scene.webSocket.link.asked("refresh")[0];
    expect(calls).toBe(2);
    scene.webSocket.link.say({ id: refresh?.id ?? 0, refreshed: {} });
    await stay(90_000);
    expect(calls).toBe(3);
    expect(scene.webSocket.links).toHaveLength(1);
  });

  it("listens to the present link only", async () => {
    const scene = new Scene();
    await scene.connect();
    const [old] = scene.webSocket.links;
    scene.webSocket.link.end();
    await scene.clock.advance(1_000);
    if (old) old.isClosed = false;
    old?.welcome();
    old?.end({ code: 3500 });
    expect(scene.halley.state).toBe("connecting");
  });

  it("can be begun again by whoever is told that it has ended", async () => {
    const scene = new Scene();
    const off = scene.halley.on("state", ({ state }) => {
      if (state === "closed") scene.halley.connect();
    });
    await scene.connect();
    scene.webSocket.link.end({ code: 3500 });
    off();
    await settle();
    expect(scene.webSocket.links).toHaveLength(2);
    const published = scene.halley.publish("chat.lobby", 1);
    scene.webSocket.link.welcome();
    scene.webSocket.link.say({ id: scene.webSocket.link.asked("publish")[0]?.id ?? 0, published: {} });
    await published;
  });

  it("closes without leaving a timer, and connects again", async () => {
    const scene = new Scene();
    await scene.connect();
    scene.halley.close();
    expect(scene.halley.state).toBe("closed");
    expect(scene.webSocket.link.isClosed).toBe(true);
    expect(scene.clock.timers).toBe(0);
    await scene.connect();
    expect(scene.halley.state).toBe("connected");
    expect(scene.errors).toEqual([]);
  });
});
