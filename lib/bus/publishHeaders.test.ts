import { describe, expect, it } from "vitest";
import { makeHeaders, PublishHeaders } from "./publishHeaders.js";

describe("headers to be published", () => {
  it("are a block of lines, as NATS reads it", () => {
    const headers = makeHeaders({ "Nats-Msg-Id": "b chat.x ü 1", "Halley-Type": undefined, "Halley-Tag-a": "" });
    expect(Buffer.from(headers.encode()).toString("utf8")).toBe("NATS/1.0\r\nNats-Msg-Id: b chat.x ü 1\r\nHalley-Tag-a: \r\n\r\n");
    expect(Buffer.from(new PublishHeaders().encode()).toString("utf8")).toBe("NATS/1.0\r\n\r\n");
  });

  it("are known by their whole names", () => {
    const headers = makeHeaders({ "A-Time": "1", Time: "2", Empty: "", Last: "Time: 3" });
    expect(["Time", "A-Time", "Empty", "Last", "time", "None"].map((name) => headers.get(name))).toEqual(["2", "1", "", "Time: 3", "", ""]);
  });

  it("refuse what would break a line", () => {
    for (const value of ["a\r\nNats-Msg-Id: x", "a\nb", "\r"]) expect(() => { makeHeaders({ A: value }); }).toThrow("line break");
    for (const name of ["", "A B", "A:", "A\r\n", "ä"]) expect(() => { makeHeaders({ [name]: "x" }); }).toThrow("can't be the name of a header");
  });
});
