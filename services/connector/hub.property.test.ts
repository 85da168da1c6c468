import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import { silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import type { Channel } from "./channel/channel.js";
import { MessageInterpreter } from "./channel/messageInterpreter.js";
import { type ChannelHold, Hub } from "./hub.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { Flusher } from "./transport/flusher.js";

const LINGER_MS = 100;
const LINGERING = 3;
const NAMES = ["live.a", "live.b", "live.c", "live.d", "live.e", "live.f"];

/** What the hub should have: channels with shares, and those without, longest first. */
class Model {
  readonly holds: { readonly name: string; readonly hold: ChannelHold }[] = [];
  readonly channels = new Map<string, Channel>();
  readonly idle: { readonly name: string; readonly atMs: number }[] = [];
  nowMs = 0;

  hold(name: string, hold: ChannelHold): void {
    const known = this.channels.get(name);
    // The same channel for as long as it is kept, another one after.
    if (known) expect(hold.channel).toBe(known);
    this.channels.set(name, hold.channel);
    this.holds.push({ name, hold });
    this.#forgetIdle(name);
  }

  release(at: number): void {
    const [released] = this.holds.splice(at, 1);
    if (!released) return;
    released.hold.release();
    released.hold.release();
    if (this.holds.some(({ name }) => name === released.name)) return;
    this.idle.push({ name: released.name, atMs: this.nowMs });
    while (this.idle.length > LINGERING) this.channels.delete(this.idle.shift()?.name ?? "");
  }

  wait(ms: number): void {
    this.nowMs += ms;
    for (const { name, atMs } of [...this.idle]) {
      if (atMs + LINGER_MS > this.nowMs) continue;
      this.#forgetIdle(name);
      this.channels.delete(name);
    }
  }

  #forgetIdle(name: string): void {
    const at = this.idle.findIndex((one) => one.name === name);
    if (at >= 0) this.idle.splice(at, 1);
  }
}

const step = fc.record({ act: fc.constantFrom("hold", "hold", "release", "release", "wait"), name: fc.constantFrom(...NAMES), at: fc.nat(10), ms: fc.integer({ min: 1, max: 80 }) });

describe("hub, against a model of shares", () => {
  let nats: NatsServer;
  let bus: Bus;

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });

  it("keeps a channel while somebody has a share, lets it linger in order and within bounds, and leaves nothing behind", async () => {
    const namespaces = parseNamespaces({ namespaces: { live: { subscribe: "signed-in", untyped: true } } }, "test");
    const registry = await loadSchemas(undefined);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const clock = new FakeClock();
        const ignore = (): void => undefined;
        const interpreter = new MessageInterpreter({ bus, clock, log: silentLog, registry, onDead: ignore });
        const limits = { ...DEFAULT_LIMITS, lingerMs: LINGER_MS, lingeringChannels: LINGERING };
        const hub = new Hub({ bus, clock, log: silentLog, namespaces, interpreter, limits, incarnation: "i", onMessage: ignore, onRepaired: ignore, turnEnd: new Flusher(silentLog) });
        const model = new Model();
        for (const { act, name, at, ms } of steps) {
          if (act === "hold") model.hold(name, hub.hold(name));
          else if (act === "release") model.release(at % Math.max(1, model.holds.length));
          else {
            clock.advance(ms);
            model.wait(ms);
          }
          expect([hub.channels, clock.timers]).toEqual([model.channels.size, model.idle.length]);
        }
        while (model.holds.length > 0) model.release(0);
        clock.advance(LINGER_MS);
        expect([hub.channels, hub.ringBytes, clock.timers]).toEqual([0, 0, 0]);
        hub.stop();
      }),
      { numRuns: 300 },
    );
  });
});
