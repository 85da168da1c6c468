import { describe, expect, it } from "vitest";
import { readSettings } from "../../lib/config/settings.js";
import { demoSettings } from "./demoSettings.js";

const at = { publishPort: 1, natsUrl: "nats://127.0.0.1:4222" };

describe("what the demo page is told", () => {
  it("names the key that everybody knows, and no folder where it is the default", () => {
    expect(demoSettings(readSettings({ HALLEY_API_KEYS: "halley-development-key" }), at)).toEqual({ ...at, apiKey: "halley-development-key" });
    expect(demoSettings(readSettings({ HALLEY_API_KEYS: "halley-development-key", HALLEY_DATA: "elsewhere" }), at)).toMatchObject({ dataFolder: "elsewhere" });
  });

  it("keeps a key of one's own, and what NATS is signed in with, to itself", () => {
    const told = demoSettings(readSettings({ HALLEY_API_KEYS: "my-own-key" }), { ...at, natsUrl: "nats://user:secret@nats-1:4222,nats://nats-2:4222" });
    expect(told).toEqual({ publishPort: 1, natsUrl: "nats://nats-1:4222" });
    expect(demoSettings(readSettings({}), { ...at, natsUrl: "token@nats-1:4222" })).toEqual({ publishPort: 1, natsUrl: "nats-1:4222" });
  });
});
