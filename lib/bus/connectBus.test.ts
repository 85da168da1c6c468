import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.js";
import { silentLog } from "../log.js";
import { startNatsServer } from "../../test/helpers/natsServer.js";
import { connectBus } from "./connectBus.js";

describe("connecting to NATS", () => {
  it("waits for a server that is not there yet", async () => {
    const nats = await startNatsServer();
    await nats.stop();
    const connecting = connectBus({ servers: [nats.url], name: "test", log: silentLog }, systemClock, new AbortController().signal);
    await nats.start();
    const bus = await connecting;
    expect(bus.connected).toBe(true);
    await bus.close();
    await nats.remove();
  });

  it("ends with the signal's reason", async () => {
    const abort = new AbortController();
    const connecting = connectBus({ servers: ["nats://127.0.0.1:1"], name: "test", log: silentLog }, systemClock, abort.signal);
    abort.abort(new Error("stopping"));
    await expect(connecting).rejects.toThrow("stopping");
  });

  it("does not try again with credentials that are refused, and names no password", async () => {
    const nats = await startNatsServer('authorization { user: "halley", password: "right" }');
    const url = nats.url.replace("//", "//halley:wrong@");
    const connecting = connectBus({ servers: [url], name: "test", log: silentLog }, systemClock, new AbortController().signal);
    await expect(connecting).rejects.toThrow(/^the NATS server at nats:\/\/\*\*\*@127\.0\.0\.1:\d+ refuses the credentials/);
    await nats.remove();
  });
});
