import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identify } from "../../cli/processIdentity.js";
import { eventually } from "../helpers/eventually.js";
import { type Dev, FREE_PORTS, runHalley, spawnHalley, startDevProcess } from "../helpers/halley.js";

const SECRET = "halley-development-secret-known-to-everyone";

describe("halley dev, and the commands beside it", () => {
  let dev: Dev;
  beforeAll(async () => {
    dev = await startDevProcess();
  });
  afterAll(() => dev.remove());

  it("prints the addresses, the secrets and a command to try", () => {
    expect(dev.halley.stdout).toMatch(/demo +http:\/\/127\.0\.0\.1:\d+\//);
    expect(dev.halley.stdout).toContain(SECRET);
    expect(dev.halley.stdout).toContain(`HALLEY_DATA=${dev.folder} npx halley publish chat.lobby`);
    expect(dev.halley.stderr).toBe("");
  });

  it("carries a message from publish to subscribe", async () => {
    const subscriber = spawnHalley(["subscribe", "chat.carry", "--count", "2"], { HALLEY_DATA: dev.folder });
    await eventually(() => subscriber.stderr.includes("chat.carry: subscribed at"));
    expect((await dev.run("publish", "chat.carry", '{"text":"hi"}', "--tag", "mood=good")).stdout).toMatch(/^published at \d+:\S+\n$/);
    expect((await dev.run("publish", "chat.carry", '{"text":"ho"}', "--type", "demo.v1.ChatMessage")).code).toBe(0);
    const { code, stdout } = await subscriber.ended;
    expect(code).toBe(0);
    expect(stdout.trim().split("\n").map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { channel: "chat.carry", data: { text: "hi" }, tags: { mood: "good" } },
      { channel: "chat.carry", data: { text: "ho" }, type: "demo.v1.ChatMessage" },
    ]);
  });

  it("ends quietly when nobody reads on", async () => {
    const subscriber = spawnHalley(["subscribe", "chat.unread"], { HALLEY_DATA: dev.folder });
    await eventually(() => subscriber.stderr.includes("chat.unread: subscribed at"));
    subscriber.process.stdout?.destroy();
    await dev.run("publish", "chat.unread", "{}");
    const { code, stderr } = await subscriber.ended;
    expect([code, stderr.trim().split("\n")]).toEqual([0, [expect.stringContaining("subscribed at")]]);
  });

  it("says what was stored before: the same key gives the same position", async () => {
    const publish = (): Promise<{ stdout: string }> => dev.run("publish", "chat.keys", "{}", "--key", "one", "--json");
    const first = JSON.parse((await publish()).stdout) as { position: object };
    expect(first).toMatchObject({ duplicate: false });
    expect(JSON.parse((await publish()).stdout)).toEqual({ position: first.position, duplicate: true });
  });

  it("continues from a position", async () => {
    const first = (await dev.run("publish", "chat.since", '{"n":1}')).stdout.replace("published at ", "").trim();
    await dev.run("publish", "chat.since", '{"n":2}');
    const { stdout, stderr } = await dev.run("subscribe", "chat.since", "--since", first, "--count", "1");
    expect(JSON.parse(stdout)).toMatchObject({ data: { n: 2 } });
    expect(stderr).toContain("nothing was missed");
  });

  it("shows users, channels and statistics", async () => {
    const subscriber = spawnHalley(["subscribe", "chat.seen", "--user", "ada@example.org"], { HALLEY_DATA: dev.folder });
    await eventually(async () => (await dev.run("online")).stdout.includes("ada@example.org"));
    await eventually(async () => (await dev.run("online", "--channel", "chat.seen", "--json")).stdout.includes('"userId":"ada@example.org"'));
    const stats = JSON.parse((await dev.run("stats", "--json")).stdout) as { onlineUsers: number; connectors: unknown[] };
    expect(stats.onlineUsers).toBeGreaterThan(0);
    expect(stats.connectors).toHaveLength(1);
    subscriber.process.kill("SIGINT");
    expect((await subscriber.ended).code).toBe(0);
    expect((await dev.run("online", "nobody-at-all")).stdout).toMatch(/nobody-at-all +offline/);
  });

  it("tells in one sentence what was refused, and exits with 1", async () => {
    const cases: [string[], string][] = [
      [["publish", "chat.x", "{'a':1}"], "INVALID_ARGUMENT: message.json: is not JSON"],
      [["publish", "chat.x", '{"text":1}', "--type", "demo.v1.ChatMessage"], "INVALID_ARGUMENT: message.json.text: expected string"],
      [["publish", "nope.x", "{}"], "PERMISSION_DENIED: "],
      [["publish", "chat.x", "{}", "--api-key", "wrong"], "UNAUTHENTICATED: "],
      [["subscribe", "nope.x"], "nope.x: PERMISSION_DENIED UNKNOWN_NAMESPACE: "],
      [["subscribe", "chat.x", "--token", "x.y.z"], "UNAUTHENTICATED TOKEN_REFUSED: "],
      [["online", "--channel", "news.x"], "FAILED_PRECONDITION: "],
    ];
    for (const [options, words] of cases) {
      const { code, stderr, stdout } = await dev.run(...options);
      expect(`${String(code)} ${stderr}`, options.join(" ")).toContain(words);
      expect(`${String(code)} ${stdout}`).toBe("1 ");
      expect(stderr.trim().split("\n").at(-1)).toMatch(/^halley: /);
    }
  });

  it("is joined by another connector that is given the secret", async () => {
    const joined = spawnHalley(["serve", "connector"], {
      HALLEY_DATA: dev.folder, HALLEY_JWT_SECRET: SECRET, HALLEY_CONNECTOR_PORT: "0", HALLEY_CONNECTOR_OPS_PORT: "0",
    });
    const port = await eventually(() => /"port":(\d+)/.exec(joined.stderr)?.[1]);
    await eventually(() => joined.stderr.includes("connector is ready"));
    const subscriber = spawnHalley(["subscribe", "chat.two", "--count", "1", "--url", `ws://127.0.0.1:${port}/v1/websocket`], { HALLEY_DATA: dev.folder });
    await eventually(() => subscriber.stderr.includes("subscribed at"));
    await dev.run("publish", "chat.two", '{"n":1}');
    expect((await subscriber.ended).stdout).toContain('"data":{"n":1}');
    joined.process.kill("SIGTERM");
    expect((await joined.ended).code).toBe(0);
  });

  it("refuses a second one in the same folder", async () => {
    const { code, stderr } = await runHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: dev.folder });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^halley: \S+ is in use by another halley dev \(process \d+\)[^\n]*\n$/);
  });
});

describe("halley dev, starting and ending", () => {
  const natsPid = (folder: string): number => Number(readFileSync(join(folder, "nats.pid"), "utf8"));

  it("ends cleanly on Ctrl-C, and the next one finds the history", async () => {
    const first = await startDevProcess();
    const position = (await first.run("publish", "chat.kept", '{"n":1}')).stdout.replace("published at ", "").trim();
    await first.run("publish", "chat.kept", '{"n":2}');
    const pid = natsPid(first.folder);
    expect((await first.stop()).code).toBe(0);
    expect(identify(pid)).toBeUndefined();

    const second = await startDevProcess({}, first.folder);
    const { stdout, stderr } = await second.run("subscribe", "chat.kept", "--since", position, "--count", "1");
    expect(JSON.parse(stdout)).toMatchObject({ data: { n: 2 } });
    expect(stderr).toContain("nothing was missed");
    await second.remove();
  });

  it("runs on when nobody reads its output, and ends cleanly", async () => {
    const folder = mkdtempSync(join(tmpdir(), "halley-dev-"));
    const halley = spawnHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: folder });
    halley.process.stdout?.destroy();
    await eventually(async () => (await runHalley(["publish", "chat.x", "{}"], { HALLEY_DATA: folder })).code === 0, 20_000);
    halley.process.kill("SIGINT");
    const { code, stderr } = await halley.ended;
    expect([code, stderr]).toEqual([0, ""]);
    rmSync(folder, { recursive: true });
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends at once by %s while it waits for a NATS that is not there", async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), "halley-dev-"));
    const halley = spawnHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: folder, HALLEY_NATS_URL: "nats://127.0.0.1:1" });
    await eventually(() => halley.stderr.includes("still waiting for NATS; Ctrl-C ends it"), 30_000);
    const signalledMs = Date.now();
    halley.process.kill(signal);
    expect((await halley.ended).code).toBe(0);
    expect(Date.now() - signalledMs).toBeLessThan(5_000);
    rmSync(folder, { recursive: true });
  }, 60_000);

  it("leaves no nats-server when it is killed, and the next one starts", async () => {
    const first = await startDevProcess();
    const pid = natsPid(first.folder);
    first.halley.process.kill("SIGKILL");
    await eventually(() => identify(pid) === undefined);
    const second = await startDevProcess({}, first.folder);
    await second.remove();
  });

  it.each([["HALLEY_NATS_PORT"], ["HALLEY_PUBLISH_PORT"], ["HALLEY_PRESENCE_PORT"], ["HALLEY_CONNECTOR_PORT"], ["HALLEY_PUBLISH_OPS_PORT"]])(
    "says in one sentence that the port of %s is in use, and exits with 1",
    async (setting) => {
      const blocker = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => blocker.once("listening", resolve));
      const port = String((blocker.address() as AddressInfo).port);
      const folder = mkdtempSync(join(tmpdir(), "halley-dev-"));
      const { code, stderr, stdout } = await runHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: folder, [setting]: port });
      expect(stderr.trim()).toMatch(new RegExp(`^halley: port ${port} on 127\\.0\\.0\\.1 is in use: .*${setting}.*$`));
      expect(stdout).toBe("");
      expect(code).toBe(1);
      expect(identify(natsPid(folder))).toBeUndefined();
      blocker.close();
      rmSync(folder, { recursive: true });
    },
  );

  it("says in one sentence that nats-server is missing, and exits with 1", async () => {
    const folder = mkdtempSync(join(tmpdir(), "halley-dev-"));
    const { code, stderr } = await runHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: folder, HALLEY_NATS_SERVER: "/nowhere/nats-server" });
    expect(stderr).toMatch(/^halley: \/nowhere\/nats-server can't be run: install it [^\n]*\n$/);
    expect(code).toBe(1);
    rmSync(folder, { recursive: true });
  });

  it("lists every problem of the configuration, and exits with 2", async () => {
    const { code, stderr } = await runHalley(["dev"], { HALLEY_PORT: "1", HALLEY_NATS_PORT: "x", HALLEY_JWT_SECRET: "short" });
    expect(stderr.trim().split("\n")).toHaveLength(3);
    expect(code).toBe(2);
  });

  it.each([["dev"], ["serve publish"], ["serve connector"]])("%s names types that no schema has, with what else is wrong, before anything is started", async (command) => {
    const folder = mkdtempSync(join(tmpdir(), "halley-dev-"));
    const config = join(folder, "halley.yaml");
    writeFileSync(config, "namespaces: { chat: { types: [demo.v1.Missing] } }\n");
    const given = { HALLEY_DATA: join(folder, "data"), HALLEY_CONFIG: config, HALLEY_JWT_SECRET: SECRET, HALLEY_API_KEYS: "key", HALLEY_ALLOWED_ORIGINS: "example.org" };
    const { code, stderr } = await runHalley(command.split(" "), { ...FREE_PORTS, ...given });
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(/^halley: HALLEY_ALLOWED_ORIGINS holds example\.org, which is no origin: write /),
      expect.stringContaining(`halley: ${config}: namespaces.chat.types: demo.v1.Missing is not in HALLEY_SCHEMAS: `),
    ]);
    expect([code, existsSync(given.HALLEY_DATA)]).toEqual([2, false]);
    rmSync(folder, { recursive: true });
  });
});
