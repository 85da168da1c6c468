import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ChannelRig } from "../../../test/helpers/channelRig.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";

describe("namespace feed", () => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  afterEach(async () => {
    vi.restoreAllMocks();
    await rig.stop();
  });

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
    rig.feed.saw({ sequence, subject: `halley.pub.${rig.name()}`, data: Buffer.from("another one") }, rig.feed.epoch);
    await expect(rig.feed.refresh()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect(asked).toEqual([epoch]);
  });

  it("believes the newest of two questions, in whatever order they are answered", async () => {
    rig = await ChannelRig.start([nats.url]);
    const old = await rig.feed.history.infoAfterNow();
    let answerFirst: (info: typeof old) => void = () => undefined;
    const ask = vi.spyOn(rig.feed.history, "infoAfterNow")
      .mockImplementationOnce(() => new Promise((resolve) => { answerFirst = resolve; }))
      .mockImplementationOnce(() => Promise.resolve({ ...old, epoch: "newer" }));
    const first = rig.feed.refresh();
    await vi.waitFor(() => { expect(ask).toHaveBeenCalledTimes(1); });
    await rig.feed.refresh();
    expect(rig.feed.epoch).toBe("newer");
    answerFirst(old);
    await first;
    expect(rig.feed.epoch).toBe("newer");
  });
});
