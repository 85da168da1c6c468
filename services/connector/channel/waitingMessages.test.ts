import { describe, expect, it } from "vitest";
import type { BusMessage } from "../../../lib/bus/bus.js";
import { WaitingMessages } from "./waitingMessages.js";

const message = (text: string): BusMessage => ({ subject: "halley.out.chat.x", data: Buffer.from(text), size: () => text.length, respond: () => false });
const textOf = ({ data }: BusMessage): string => Buffer.from(data).toString("utf8");

/** Takes all; gives the texts. */
function drain(waiting: WaitingMessages): string[] {
  const texts: string[] = [];
  waiting.takeUntil((one) => void texts.push(textOf(one)));
  return texts;
}

describe("waiting messages", () => {
  it("gives them back in their order, once", () => {
    const waiting = new WaitingMessages({ waitingMessages: 10, waitingBytes: 1_000 });
    for (const text of ["a", "b", "c"]) waiting.add(message(text));
    expect(drain(waiting)).toEqual(["a", "b", "c"]);
    expect(drain(waiting)).toEqual([]);
  });

  it("keeps the message that stopped the taking, and all after it", () => {
    const waiting = new WaitingMessages({ waitingMessages: 10, waitingBytes: 1_000 });
    for (const text of ["a", "b", "c"]) waiting.add(message(text));
    expect(waiting.takeUntil((one) => (textOf(one) === "b" ? "stop" : undefined))).toBe("stop");
    expect(waiting.first && textOf(waiting.first)).toBe("b");
    waiting.shift();
    waiting.add(message("d"));
    expect(drain(waiting)).toEqual(["c", "d"]);
  });

  it.each([
    { what: "messages", bounds: { waitingMessages: 2, waitingBytes: 1_000 } },
    { what: "bytes", bounds: { waitingMessages: 10, waitingBytes: 2 } },
  ])("past its bound of $what keeps none, until it is cleared", ({ bounds }) => {
    const waiting = new WaitingMessages(bounds);
    waiting.add(message("a"));
    waiting.add(message("b"));
    expect(waiting.hasOverflowed).toBe(false);
    waiting.add(message("c"));
    expect(waiting.hasOverflowed).toBe(true);
    waiting.add(message("d"));
    expect(waiting.first).toBeUndefined();
    waiting.clear();
    expect(waiting.hasOverflowed).toBe(false);
    waiting.add(message("e"));
    expect(drain(waiting)).toEqual(["e"]);
  });
});
