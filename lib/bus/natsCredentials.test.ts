import { describe, expect, it } from "vitest";
import { credentialsOf, withoutCredentials } from "./natsCredentials.js";

describe("credentials of NATS servers", () => {
  it.each([
    [["nats://a:4222", "b"], {}],
    [["nats://ann:secret@a:4222"], { user: "ann", pass: "secret" }],
    [["ann:se:cret@a", "b:4222"], { user: "ann", pass: "se:cret" }],
    [["nats://a%40b:p%2Fq@a"], { user: "a@b", pass: "p/q" }],
    [["nats://ann:p/q@r@a"], { user: "ann", pass: "p/q@r" }],
    [["tls://ann:@a"], { user: "ann", pass: "" }],
    [["nats://t0ken@a"], { token: "t0ken" }],
  ])("of %j are %j", (servers, credentials) => {
    expect(credentialsOf(servers)).toEqual(credentials);
  });

  it("are one for all servers", () => {
    expect(() => credentialsOf(["nats://a:b@x", "nats://a:c@y"])).toThrow(/different users/);
  });

  it("are no part of a server's address", () => {
    expect(["nats://a:b@x:1", "a@x:1", "nats://x:1", "x"].map((server) => withoutCredentials(server))).toEqual(["nats://x:1", "x:1", "nats://x:1", "x"]);
  });

  it("are not seen in what is logged, however they are written", () => {
    expect(["nats://a:b@x:1", "a:b@x:1", "nats://a:b/c@d@x:1"].map((server) => withoutCredentials(server, "***@"))).toEqual(["nats://***@x:1", "***@x:1", "nats://***@x:1"]);
  });

  it("say what to do where they can't be read", () => {
    expect(() => credentialsOf(["nats://a:50%@x"])).toThrow(/write %25/);
  });
});
