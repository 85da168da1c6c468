import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readPlace } from "../../services/connector/channel/messagePlace.js";
import { TICK_HOLD_MS } from "../../services/connector/channel/tickProofs.js";
import { ChannelRig } from "../helpers/channelRig.js";
import { eventually } from "../helpers/eventually.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";

const FLOOD_MS = 2_500;

describe.each(NATS_PROGRAMS)("ticks that overtake messages of other connections: nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  afterEach(() => rig.stop());

  it("move no channel's position past a message that is still on its way", async () => {
    rig = await ChannelRig.start([nats.url], { history: { messages: 5_000 }, tickHoldMs: TICK_HOLD_MS });
    const { channel, listener } = await rig.listen();
    const overtaken: number[] = [];
    rig.loses = (message) => {
      const place = readPlace(message);
      if (typeof place === "object" && place.sequence > channel.standing.last && place.sequence <= channel.position.offset) overtaken.push(place.sequence);
      return false;
    };
    const [backend, other] = await Promise.all([connect({ servers: nats.url }), connect({ servers: nats.url })]);
    const endMs = Date.now() + FLOOD_MS;
    while (Date.now() < endMs) {
      await pause(1);
      for (let n = 0; n < 30; n++) {
        backend.publish(`halley.pub.${rig.name()}`, '{"n":1}');
        other.publish(`halley.pub.${rig.name("$tick")}`, randomBytes(8));
      }
    }
    await Promise.all([backend.close(), other.close()]);
    const last = await rig.publish(2);
    await eventually(() => listener.heard.includes(2));
    expect(overtaken).toEqual([]);
    await eventually(async () => {
      await rig.tick();
      return (channel.provenWatermark()?.offset ?? 0) > last;
    });
  });
});
