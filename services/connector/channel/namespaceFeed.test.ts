import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ChannelRig } from "../../../test/helpers/channelRig.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";

describe("namespace feed", () => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  afterEach(() => rig.stop());

  it("follows no roll-back under the epoch of before, also where the publish service doesn't give another one", async () => {
    rig = await ChannelRig.start([nats.url]);
    const { epoch } = rig.feed;
    const asked: string[] = [];
    // As it answers when it has raised the epoch a moment ago.
    rig.backend.subscribe(`halley.epoch.${rig.namespace.name}`, (message) => {
      asked.push(Buffer.from(message.data).toString("utf8"));
      message.respond(Buffer.from(JSON.stringify({ epoch })));
    });
    await rig.backend.flush();
    const sequence = await rig.publish(1);
    rig.feed.saw({ sequence, subject: `halley.pub.${rig.name()}`, data: Buffer.from("another one") });
    await expect(rig.feed.refresh()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect(asked).toEqual([epoch]);
  });
});
