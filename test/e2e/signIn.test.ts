import { SignJWT } from "jose";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation, TEST_API_KEY, TEST_JWT_SECRET } from "../helpers/installation.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";
import { startTcpProxy } from "../helpers/tcpProxy.js";
import { ProbePage, type ProbeOptions } from "./probePage.js";

/** A token that says when it was issued, and lives for 4 s. */
const shortToken = (life = "4s"): Promise<string> =>
  new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ada").setIssuedAt().setExpirationTime(life).sign(new TextEncoder().encode(TEST_JWT_SECRET));

describe("signing in from a page", () => {
  let installation: Installation;
  let browser: Browser;
  let publisher: TestPublisher;
  let page: ProbePage | undefined;
  let port: number;

  beforeAll(async () => {
    browser = await startBrowser();
    installation = await startInstallation({ demo: true });
    port = installation.connectors[0]!.port;
    publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
  });

  afterEach(async () => {
    await page?.close();
    page = undefined;
  });

  afterAll(async () => {
    await browser.close();
    publisher.close();
    await installation.stop();
  });

  const start = async (options: ProbeOptions, at = port): Promise<ProbePage> => (page = await ProbePage.start(browser, at, options));

  it.each(["websocket", "poll"] as const)("brings new tokens over %s before the old ones expire", async (transport) => {
    let asked = 0;
    const tokens = (): Promise<string> => {
      asked += 1;
      // So long that a busy machine brings the next one in time.
      return shortToken("8s");
    };
    const here = await start({ transports: [transport], channels: ["chat.lobby"], tokens });
    await eventually(() => asked >= 3, 25_000);
    await publisher.publish(toChannel("chat.lobby", "still here"));
    await eventually(async () => (await here.received<string>("chat.lobby")).includes("still here"));
    expect(await here.read("probe.states")).toEqual(["connecting", transport]);
  }, 40_000);

  it("comes back with a new token when the old one has expired", async () => {
    const lives = ["2s", "1h"];
    const here = await start({ transports: ["websocket"], channels: ["chat.lobby"], tokens: () => signToken("ada", lives.shift() ?? "1h") });
    await here.untilStates("connecting", "websocket", "disconnected", "connecting", "websocket");
    await eventually(async () => (await here.read<unknown[]>("probe.verdicts")).length === 2);
    expect(await here.read("probe.verdicts")).toEqual([true, true]);
  });

  it.each(["websocket", "poll"] as const)("stays over %s while the token endpoint fails, and comes back when the token has expired meanwhile", async (transport) => {
    let answer: "token" | "Bad Gateway" | "throws" = "token";
    const tokens = async (): Promise<string> => {
      if (answer === "throws") throw new Error("the backend is away");
      return answer === "token" ? shortToken() : answer;
    };
    const before = "const random = Math.random; Math.random = () => random() / 20;";
    const here = await start({ transports: [transport], channels: ["chat.endpoint"], tokens, before });
    answer = "throws";
    await eventually(async () => (await here.read<string[]>("probe.states")).at(-1) === "disconnected", 8_000);
    answer = "Bad Gateway";
    await eventually(async () => (await here.read<unknown[]>("probe.states")).length > 8);
    await publisher.publish(toChannel("chat.endpoint", "missed"));
    answer = "token";
    await eventually(async () => (await here.received<string>("chat.endpoint")).includes("missed"));
    expect(new Set(await here.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
    expect(await here.read<string[]>("probe.states")).not.toContain("closed");
  });

  it.each(["websocket", "poll"] as const)("comes back over %s with a new token when the old one expired while it was offline", async (transport) => {
    const proxy = await startTcpProxy(port);
    try {
      const lives = ["2s", "1h"];
      const here = await start({ transports: [transport], channels: ["chat.expired"], tokens: () => signToken("ada", lives.shift() ?? "1h") }, proxy.port);
      await here.page.context().setOffline(true);
      proxy.mode = "refuse";
      proxy.cut();
      await publisher.publish(toChannel("chat.expired", "missed"));
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      proxy.mode = "pass";
      await here.page.context().setOffline(false);
      // A try whose answer is lost on the way is given up after 10 s.
      await eventually(async () => (await here.received<string>("chat.expired")).includes("missed"), 25_000);
      expect(new Set(await here.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
      expect(lives).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 60_000);

  it.each(["websocket", "poll"] as const)("ends for good over %s when the token is refused", async (transport) => {
    const here = await start({ transports: [transport], channels: [], tokens: () => signToken("ada", "1h", "not the secret of this connector, by any means") });
    await here.untilStates("connecting", "closed");
    expect(await here.read("probe.errors")).toEqual(["REFUSED"]);
  });

  it("ends for good where the page's origin is not allowed", async () => {
    const strict = await installation.addConnector({ allowedOrigins: ["https://example.org"] });
    const here = await start({ channels: [] }, strict.port);
    await eventually(async () => (await here.read("probe.halley.state")) === "closed");
    expect(await here.read("probe.errors")).toEqual(["REFUSED"]);
  });

  it("is told what may not be read or written", async () => {
    const here = await start({ channels: ["closed.x", "user.bob", "nowhere.x", "chat.a b"] });
    expect((await here.read<string[]>("probe.verdicts")).toSorted()).toEqual(["INVALID_REQUEST", "SUBSCRIBE_DENIED", "SUBSCRIBE_DENIED", "UNKNOWN_NAMESPACE"]);
    const refused = here.read("probe.halley.publish('news.x', 1).catch(({ code, reason }) => [code, reason])");
    expect(await refused).toEqual(["PERMISSION_DENIED", "PUBLISH_DENIED"]);
    expect(await here.read("probe.halley.state")).toBe("connected");
  });

  it("falls back to long-poll where WebSockets open and die at once", async () => {
    const proxy = await startTcpProxy(port);
    try {
      proxy.mode = "open-and-die";
      const here = await start({ channels: ["chat.lobby"] }, proxy.port);
      expect(await here.read("probe.halley.transport")).toBe("poll");
      expect(proxy.upgrades).toBe(2);
    } finally {
      await proxy.stop();
    }
  });

  it("is told over its inbox and over everyone's channel what came while it was away", async () => {
    const channels = ["user.ada", "all"];
    const here = await start({ channels });
    const positions = await here.read("probe.positions()");
    await here.read("probe.halley.close()");
    for (const target of [{ $case: "userId", value: "ada" }, { $case: "everyone", value: true }] as const) {
      await publisher.publish({ target, message: { type: "", key: "", tags: {}, payload: { $case: "json", value: '"missed"' } } });
    }
    await here.connect({ channels, positions, transports: ["poll"] });
    await eventually(async () => JSON.stringify(await here.read("probe.received")) === '{"user.ada":["missed"],"all":["missed"]}');
    expect(await here.read("probe.verdicts")).toEqual([true, true, true, true]);
  });
});
