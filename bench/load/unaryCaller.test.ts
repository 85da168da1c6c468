import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PublishServiceService } from "../../gen/halley/v1/publish.js";
import { systemClock } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { silentLog } from "../../lib/log.js";
import { RpcServer } from "../../lib/rpc/rpcServer.js";
import { UnaryCaller } from "./unaryCaller.js";

describe("the load generator's unary calls", () => {
  let server: RpcServer;
  let caller: UnaryCaller;
  let answer: (request: Buffer) => Promise<Buffer>;
  const path = PublishServiceService.publish.path;

  beforeEach(async () => {
    const asIs = (bytes: Buffer): Buffer => bytes;
    const echo = { definition: { path, requestStream: false, responseStream: false, requestDeserialize: asIs, responseSerialize: asIs }, handler: (request: unknown) => answer(request as Buffer), serialize: asIs as (response: unknown) => Buffer };
    server = await RpcServer.start({ host: "127.0.0.1", port: 0, portSetting: "P", services: [{ name: "halley.v1.PublishService", methods: [echo] }], apiKeys: ["key"], log: silentLog, clock: systemClock });
    caller = new UnaryCaller(server.port, { path, apiKey: "key" });
    answer = (request) => Promise.resolve(request);
  });

  afterEach(async () => {
    caller.close();
    await server.stop(0);
  });

  it("are answered each with what belongs to it, more of them than may be under way and than the window takes", async () => {
    const requests = Array.from({ length: 5_000 }, (_, index) => Buffer.from(`${String(index)} ${"x".repeat(index % 500)}`));
    const answers = await Promise.all(requests.map((request) => caller.call(request)));
    expect(answers.map(String)).toEqual(requests.map(String));
    const large = randomBytes(16_000);
    expect(Buffer.compare(await caller.call(large), large)).toBe(0);
  });

  it("are refused where they are too large, and the others are not", async () => {
    const [large, small] = [caller.call(Buffer.alloc(16_384)), caller.call(Buffer.from("x"))];
    await expect(large).rejects.toThrow(/too large/);
    expect(String(await small)).toBe("x");
  });

  it("close the connection behind the last of them", async () => {
    answer = async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return request;
    };
    const last = caller.call(Buffer.from("x"));
    caller.close();
    await expect(caller.call(Buffer.from("y"))).rejects.toThrow("the caller is closed");
    expect(String(await last)).toBe("x");
    await expect.poll(() => caller.isClosed).toBe(true);
  });

  it("fail when the server refuses them, and when the connection breaks", async () => {
    answer = () => Promise.reject(new RpcError("OVERLOADED", "for this test"));
    await expect(caller.call(Buffer.from("x"))).rejects.toThrow("a call ended without a response");
    answer = () => new Promise(() => undefined);
    const open = caller.call(Buffer.from("x"));
    await Promise.all([expect(open).rejects.toThrow(/the server/), server.stop(0)]);
    await expect(caller.call(Buffer.from("x"))).rejects.toThrow(/the server/);
  });
});
