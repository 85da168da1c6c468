import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type Log, silentLog } from "../log.js";
import { WireReader } from "./wireReader.js";

describe("wire reader", () => {
  it("drops what it can't read, and says so once a second at most", () => {
    const lines: { unlogged: number }[] = [];
    const log = { ...silentLog, warn: (fields: { unlogged: number }) => { lines.push(fields); } } as unknown as Log;
    const clock = new FakeClock();
    const reader = new WireReader({ decode: (bytes) => Heartbeat.decode(bytes), clock, log });
    const garbage = { subject: "halley.presence.heartbeat.x", data: Buffer.from([0xff, 0xff, 0xff]) };
    for (let count = 0; count < 100; count++) expect(reader.read(garbage)).toBeUndefined();
    expect(lines).toMatchObject([{ subject: garbage.subject, unlogged: 0 }]);
    clock.advance(1_000);
    expect(reader.read(garbage)).toBeUndefined();
    expect(lines).toMatchObject([{ unlogged: 0 }, { unlogged: 99 }]);
    const good = Heartbeat.encode(Heartbeat.fromPartial({ connector: "c", number: 3 })).finish();
    expect(reader.read({ subject: "x", data: good })).toMatchObject({ connector: "c", number: 3 });
  });
});
