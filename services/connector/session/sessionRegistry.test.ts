import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Bus } from "../../../lib/bus/bus.js";
import { silentLog } from "../../../lib/log.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { SessionIds } from "./sessionId.js";
import { type SessionOwner, SessionRegistry, type Successor } from "./sessionRegistry.js";

const ids = new SessionIds("a secret for tests only, long enough for HS256");

class Owner implements SessionOwner {
  readonly superseded: Successor[] = [];
  supersede(successor: Successor): void {
    this.superseded.push(successor);
  }
}

/** A clock whose wall time jumps, as when it is set. */
class JumpingClock extends FakeClock {
  jumpMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.jumpMs;
  }
}

describe("session registry", () => {
  let nats: NatsServer;
  let buses: Bus[];
  let here: SessionRegistry;
  let there: SessionRegistry;
  let clock: FakeClock;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    buses = await Promise.all(["c1", "c2"].map((name) => Bus.connect({ servers: [nats.url], name, log: silentLog })));
    clock = new FakeClock();
    here = new SessionRegistry({ clock, bus: buses[0]!, connector: "c1", sessionsPerUser: 2 });
    there = new SessionRegistry({ clock, bus: buses[1]!, connector: "c2", sessionsPerUser: 2 });
    await Promise.all(buses.map((bus) => bus.flush()));
  });
  afterEach(async () => {
    here.stop();
    there.stop();
    await Promise.all(buses.map((bus) => bus.close()));
  });

  it("gives a session to the newest owner, here and elsewhere, and to one only", async () => {
    const id = ids.create("1");
    const [first, second, third] = [new Owner(), new Owner(), new Owner()];
    here.claim(id, "1", first);
    here.claim(id, "1", second);
    expect([first.superseded, second.superseded, here.size]).toEqual([["here"], [], 1]);
    clock.advance(1);
    there.claim(id, "1", third);
    await eventually(() => second.superseded.length > 0);
    expect([second.superseded, third.superseded, here.size, there.size]).toEqual([["elsewhere"], [], 0, 1]);
    expect([here.isHere(id), there.isHere(id)]).toEqual([false, true]);
  });

  it("leaves its owner a session that is claimed again by the same, and announces it where it has come back", async () => {
    const id = ids.create("1");
    const [poll, webSocket] = [new Owner(), new Owner()];
    here.claim(id, "1", poll);
    here.claim(id, "1", poll);
    expect([poll.superseded, here.size]).toEqual([[], 1]);
    clock.advance(1);
    there.claim(id, "1", webSocket);
    await eventually(() => poll.superseded.length > 0);
    clock.advance(1);
    here.claim(id, "1", poll);
    await eventually(() => webSocket.superseded.length > 0);
  });

  it("tells of claims by the same owner every 5 s, and with the next one who doesn't know of them", async () => {
    const id = ids.create("1");
    const [poll, late] = [new Owner(), new Owner()];
    const told: string[] = [];
    buses[1]!.subscribe("halley.session.*", ({ data }) => told.push(Buffer.from(data).toString("utf8")));
    await buses[1]!.flush();
    const atMs = clock.nowMs();
    for (let second = 0; second <= 7; second++) {
      here.claim(id, "1", poll);
      clock.advance(1_000);
    }
    await buses[0]!.flush();
    await eventually(() => told.length === 2);
    expect(told).toEqual([`c1 ${String(atMs)}`, `c1 ${String(atMs + 5_000)}`]);
    // A claim of 6 s after the beginning, which comes only now.
    clock.advance(-2_000);
    there.claim(id, "1", late);
    await buses[1]!.flush();
    await buses[0]!.flush();
    // It may be newer all the same: clocks differ. A poll that comes here again shows that it is not.
    expect([poll.superseded, late.superseded, told.length]).toEqual([[], [], 3]);
    clock.advance(1_100);
    here.claim(id, "1", poll);
    await eventually(() => late.superseded.length > 0);
    expect([poll.superseded, late.superseded, told.at(-1)]).toEqual([[], ["elsewhere"], `c1 ${String(atMs + 7_100)}`]);
  });

  it("tells of claims every 5 s also where the wall clock is set back, or ahead", async () => {
    const jumping = new JumpingClock();
    const registry = new SessionRegistry({ clock: jumping, bus: buses[0]!, connector: "c3", sessionsPerUser: 2 });
    const id = ids.create("1");
    const poll = new Owner();
    const told: string[] = [];
    buses[1]!.subscribe("halley.session.*", ({ data }) => told.push(Buffer.from(data).toString("utf8")));
    await buses[1]!.flush();
    const atMs = jumping.nowMs();
    for (const jumpMs of [0, -3_600_000, 3_600_000]) {
      jumping.jumpMs = jumpMs;
      for (let second = 0; second < 5; second++) {
        registry.claim(id, "1", poll);
        jumping.advance(1_000);
      }
    }
    await buses[0]!.flush();
    await eventually(() => told.length === 3);
    expect(told).toEqual([atMs, atMs + 5_000 - 3_600_000, atMs + 10_000 + 3_600_000].map((claimedAtMs) => `c3 ${String(claimedAtMs)}`));
    registry.stop();
  });

  it("is not taken from its newest owner by an announcement that comes late, nor from both by claims of one moment", async () => {
    const id = ids.create("1");
    const [older, newer] = [new Owner(), new Owner()];
    here.claim(id, "1", older);
    clock.advance(1);
    there.claim(id, "1", newer);
    await Promise.all(buses.map((bus) => bus.flush()));
    await eventually(() => older.superseded.length > 0);
    expect(newer.superseded).toEqual([]);
    const other = ids.create("1");
    const [one, two] = [new Owner(), new Owner()];
    here.claim(other, "1", one);
    there.claim(other, "1", two);
    await Promise.all(buses.map((bus) => bus.flush()));
    await eventually(() => one.superseded.length > 0);
    expect([one.superseded, two.superseded]).toEqual([["elsewhere"], []]);
  });

  it("bounds the sessions of a user, and counts right whatever happens to them", () => {
    const [a, b, c] = [ids.create("1"), ids.create("1"), ids.create("1")];
    const owner = new Owner();
    here.claim(a, "1", owner);
    here.claim(b, "1", owner);
    const third = new Owner();
    expect(() => { here.claim(c, "1", third); }).toThrow(expect.objectContaining({ reason: "TOO_MANY_SESSIONS" }) as Error);
    // One that is here may always be taken over.
    const newer = new Owner();
    here.claim(a, "1", newer);
    // Late, by the owner before.
    here.release(a, owner);
    expect(here.isHere(a)).toBe(true);
    here.claim(ids.create("2"), "2", new Owner());
    here.release(a, newer);
    here.release(a, newer);
    here.claim(c, "1", third);
    expect([here.size, owner.superseded]).toEqual([3, ["here"]]);
  });
});
