import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { signToken } from "../../../test/helpers/installation.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { startSessionServices, type TestServices } from "../../../test/helpers/sessionServices.js";
import { type Close, CLOSE } from "../protocol/closeCodes.js";
import type { Outlet } from "./outlet.js";
import { Session } from "./session.js";

/** Takes everything, and remembers how it was closed. */
class OpenOutlet implements Outlet {
  readonly transport = "websocket";
  readonly empty = true;
  readonly congested = false;
  readonly closes: Close[] = [];

  send(): void {
    // Nobody reads it.
  }

  publish(): boolean {
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  onFault(): void {
    // Nothing goes wrong.
  }

  deadlineChanged(): void {
    // Nobody looks at it.
  }

  close(close: Close): void {
    this.closes.push(close);
  }
}

describe("session", () => {
  let nats: NatsServer;
  let test: TestServices;
  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => { test = await startSessionServices(nats.url); });
  afterEach(() => test.stop());

  it.each([
    ["that can't be repeated is over for presence", new RpcError("SUBSCRIBE_DENIED", "for this test"), CLOSE.notAllowed, "over"],
    ["that may be repeated keeps its grace", RpcError.natsUnavailable("for this test"), CLOSE.overloaded, "5000"],
  ])("a sign-in %s", async (_, refusal, close, grace) => {
    test.services.hub.open = () => Promise.reject(refusal);
    const outlet = new OpenOutlet();
    const session = new Session(test.services, outlet);
    session.onFrame({ ok: true, frame: { id: 1, frame: { $case: "connect", value: { token: await signToken("1"), session: "", positions: {} } } } });
    await eventually(() => outlet.closes.length > 0);
    expect([outlet.closes, test.presence.at(-1)?.split(" ")[2]]).toEqual([[close], grace]);
  });
});
