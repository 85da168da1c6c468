import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../test/fakeClock.js";
import { Scene } from "../test/scene.js";
import { ScriptedTransport } from "../test/scriptedTransport.js";
import { TransportChooser } from "./transportChooser.js";

/** Two WebSockets that open and die without a message, as behind some proxies. */
async function fallBack(scene: Scene): Promise<void> {
  scene.halley.connect();
  for (let failures = 0; failures < 2; failures += 1) {
    await settle();
    scene.webSocket.link.open();
    scene.webSocket.link.end();
    await scene.clock.advance(2_000);
  }
}

describe("transport chooser", () => {
  it("falls back to long-poll after two WebSockets that never carried a message", async () => {
    const scene = new Scene();
    await fallBack(scene);
    expect([scene.webSocket.links.length, scene.poll.links.length]).toEqual([2, 1]);
    scene.poll.link.welcome();
    expect(scene.halley.transport).toBe("poll");
  });

  it("remembers for the tab that long-poll worked", async () => {
    const scene = new Scene();
    await fallBack(scene);
    expect([...scene.memory.values()]).toEqual([]);
    scene.poll.link.welcome();
    expect([...scene.memory.values()]).toHaveLength(1);
    scene.poll.link.end();
    await scene.clock.advance(2_000);
    expect([scene.webSocket.links.length, scene.poll.links.length]).toEqual([2, 2]);
  });

  it("blames the network when long-poll doesn't work either", async () => {
    const scene = new Scene();
    await fallBack(scene);
    scene.poll.link.end({ code: 0 });
    await scene.clock.advance(8_000);
    expect([scene.webSocket.links.length, scene.poll.links.length]).toEqual([3, 1]);
    expect(scene.memory.size).toBe(0);
  });

  it("probes WebSocket later, beside the living long-poll, and goes over when it opens", async () => {
    const scene = new Scene();
    await fallBack(scene);
    scene.poll.link.welcome();
    await scene.clock.advance(15_000);
    scene.poll.link.say({ ping: {} });
    await scene.clock.advance(14_999);
    expect(scene.webSocket.links).toHaveLength(2);
    await scene.clock.advance(1);
    expect(scene.webSocket.links).toHaveLength(3);
    expect(scene.halley.transport).toBe("poll");
    scene.webSocket.link.open();
    expect(scene.poll.link.isClosed).toBe(true);
    expect(scene.webSocket.link.asked("connect")[0]?.connect?.session).toBe("s1");
    scene.webSocket.link.welcome();
    expect(scene.halley.transport).toBe("websocket");
    expect(scene.memory.size).toBe(0);
  });

  it("comes back when its own last poll gets to a connector late and takes the session from the WebSocket", async () => {
    const scene = new Scene();
    await fallBack(scene);
    scene.poll.link.welcome();
    await scene.clock.advance(15_000);
    scene.poll.link.say({ ping: {} });
    await scene.clock.advance(15_000);
    scene.webSocket.link.open();
    scene.webSocket.link.welcome();
    scene.webSocket.link.say({ disconnect: { code: 3500, reason: "replaced", reconnect: false } });
    expect(scene.halley.state).toBe("disconnected");
    await scene.clock.advance(2_000);
    scene.webSocket.link.welcome();
    // Long after it, somebody else has the session.
    await scene.clock.advance(20_000);
    scene.webSocket.link.say({ ping: {} });
    await scene.clock.advance(20_000);
    scene.webSocket.link.say({ disconnect: { code: 3500, reason: "replaced", reconnect: false } });
    expect(scene.halley.state).toBe("closed");
  });

  it("does not wait for ever when the clock was set back since", () => {
    const clock = new FakeClock();
    const remembered = JSON.stringify({ probeAtMs: clock.nowMs() + 90 * 86_400_000, probes: 3 });
    const memory = { getItem: () => remembered, setItem: () => undefined, removeItem: () => undefined };
    const chooser = new TransportChooser([new ScriptedTransport("websocket"), new ScriptedTransport("poll")], { clock, memory, key: "k" });
    expect(chooser.probe()?.inMs).toBe(600_000);
  });

  it("stays with long-poll while probes fail, and asks less and less often", async () => {
    const scene = new Scene();
    await fallBack(scene);
    scene.poll.link.welcome();
    const probed: number[] = [];
    const start = scene.clock.monotonicMs();
    while (probed.length < 4) {
      await scene.clock.advance(1_000);
      scene.poll.link.say({ ping: {} });
      if (scene.webSocket.links.length > 2 + probed.length) {
        probed.push(Math.round((scene.clock.monotonicMs() - start) / 1_000));
        scene.webSocket.link.end();
      }
    }
    expect(probed).toEqual([30, 90, 210, 450]);
    expect(scene.halley.transport).toBe("poll");
  });
});
