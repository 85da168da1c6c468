import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { makeHeaders } from "../../../lib/bus/publishHeaders.js";
import { subjects } from "../../../lib/bus/subjects.js";
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

  it("takes no tick of the history before, which comes when another one has begun, for one of this", async () => {
    rig = await ChannelRig.start([nats.url]);
    const asked: string[] = [];
    rig.backend.subscribe(`halley.epoch.${rig.namespace.name}`, () => { asked.push("raise"); });
    await rig.deleteStream();
    await rig.createStream();
    let release: () => void = () => undefined;
    vi.spyOn(rig.feed.history, "barrier").mockReturnValueOnce(new Promise((resolve) => { release = resolve; }));
    await rig.feed.refresh();
    const place = { "Nats-Stream": `HALLEY_${rig.namespace.name}`, "Nats-Subject": subjects.tick(rig.namespace.name), "Nats-Sequence": "1000", "Nats-Last-Sequence": "990" };
    rig.backend.publish(subjects.tickRepublish(rig.namespace.name), Buffer.from("an old one"), { headers: makeHeaders(place) });
    await vi.waitFor(() => { expect(rig.feed.tick).toBe(1_000); });
    release();
    await vi.waitFor(() => { expect(rig.feed.tick).toBe(0); });
    await rig.feed.refresh();
    expect(asked).toEqual([]);
    const tick = await rig.tick();
    expect(rig.feed.tick).toBeGreaterThanOrEqual(tick);
  });

  it("goes on under the epoch that it had raised, also where another question was asked and answered meanwhile", async () => {
    rig = await ChannelRig.start([nats.url]);
    const old = await rig.feed.history.infoAfterNow();
    let raised = false;
    let release: (() => void) | undefined;
    rig.backend.subscribe(`halley.epoch.${rig.namespace.name}`, (message) => { release = () => message.respond(Buffer.from(JSON.stringify({ epoch: "newer" }))); });
    await rig.backend.flush();
    vi.spyOn(rig.feed.history, "infoAfterNow").mockImplementation(() => Promise.resolve(raised ? { ...old, epoch: "newer" } : old));
    vi.spyOn(rig.feed.history, "endsBefore").mockResolvedValueOnce(true).mockResolvedValue(false);
    rig.feed.saw({ sequence: 1, subject: `halley.pub.${rig.name()}`, data: Buffer.from("x") }, rig.feed.epoch);
    const first = rig.feed.refresh();
    await vi.waitFor(() => { expect(release).toBeDefined(); });
    // This one finds the message in its place again: the stream has grown past it.
    await rig.feed.refresh();
    raised = true;
    release?.();
    await first;
    expect(rig.feed.epoch).toBe("newer");
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
