import { describe, expect, it } from "vitest";
import type { SessionChange } from "../../../gen/halley/v1/heartbeat.js";
import { SimulatedSessions } from "./simulatedSessions.js";

/** Applies changes to a map of session to user, as a replica does. */
function apply(here: Map<string, string>, changes: readonly SessionChange[]): void {
  for (const { session, change } of changes) {
    const key = session.toString("hex");
    if (change?.$case === "opened") {
      expect(here.has(key)).toBe(false);
      here.set(key, change.value.user);
    } else if (change?.$case === "closed") {
      expect(here.delete(key)).toBe(true);
    }
  }
}

describe("SimulatedSessions", () => {
  it("gives the same sessions whole as by its changes", () => {
    const sessions = new SimulatedSessions(3, 50);
    const here = new Map<string, string>();
    apply(here, [...sessions.pieces(7)].flat());
    for (let turn = 0; turn < 130; turn++) {
      apply(here, sessions.change());
      if (turn % 10 !== 0) continue;
      const whole = new Map<string, string>();
      apply(whole, [...sessions.pieces(50)].flat());
      expect(new Map([...here].sort())).toEqual(new Map([...whole].sort()));
    }
    expect(here.size).toBe(50);
    expect(new Set(here.values()).size).toBe(50);
    expect(sessions.userOf(0)).toBe("user-150b");
    expect([...here.values()]).toContain(sessions.userOf(49));
  });

  it("has ids that no other connector has", () => {
    const ids = [0, 1, 2].flatMap((connector) => [...new SimulatedSessions(connector, 100).pieces(100)].flat().map(({ session }) => session.toString("hex")));
    expect(new Set(ids).size).toBe(300);
  });
});
