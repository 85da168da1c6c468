import { describe, expect, it } from "vitest";
import { listenTo } from "./listenTo.js";
import { socketIo } from "./socketIo.js";

function hearing(packets: readonly string[]): ReturnType<typeof listenTo> {
  const listening = listenTo(socketIo, { token: "", channel: "bench.one" });
  listening.conversation.begin();
  for (const packet of packets) listening.conversation.hear(Buffer.from(`?${packet}?`), 1, packet.length + 1);
  return listening;
}

describe("socketIo", () => {
  it("names its room when the server has opened, and is subscribed when that is answered", () => {
    expect(hearing(['0{"sid":"a","pingInterval":25000}'])).toMatchObject({ sent: ['40{"channel":"bench.one"}'], heard: { subscribed: 0 } });
    expect(hearing(['0{"sid":"a"}', '40{"sid":"b"}'])).toMatchObject({ heard: { subscribed: 1 } });
  });

  it("answers pings and hears events", () => {
    const { sent, heard } = hearing(["2", '42["m",{"at":1}]']);
    expect(sent).toEqual(["3"]);
    expect(heard.publications).toEqual(['42["m",{"at":1}]']);
  });

  it("throws when the server refuses or closes", () => {
    expect(() => hearing(['44{"message":"no"}'])).toThrow("unexpected: 44");
    expect(() => hearing(["1"])).toThrow("unexpected: 1");
  });
});
