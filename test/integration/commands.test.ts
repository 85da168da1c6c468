import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHalley } from "../helpers/halley.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "halley-commands-"));
});
afterAll(() => { rmSync(folder, { recursive: true }); });

const SECRET = "a secret of thirty-two characters";

describe("halley", () => {
  it("shows its commands and exit codes", async () => {
    const { code, stdout } = await runHalley(["--help"]);
    expect(code).toBe(0);
    for (const command of ["dev", "serve", "publish", "subscribe", "online", "stats", "token", "check-config"]) expect(stdout).toContain(`\n  ${command} `);
    expect(stdout).toContain("Exit codes:");
  });

  it.each(["dev", "serve", "publish", "subscribe", "online", "stats", "token", "check-config"])("%s --help shows examples", async (command) => {
    const { code, stdout } = await runHalley([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Examples:\n");
  });

  it.each([
    [["nonsense"]],
    [["publish", "chat.lobby"]],
    [["publish", "--user", "ada", "--everyone", "{}"]],
    [["publish", "--user", "ada", "chat.lobby", "{}"]],
    [["publish", "chat.lobby", "{}", "--tag", "none"]],
    [["subscribe"]],
    [["subscribe", "chat.lobby", "--since", "12"]],
    [["subscribe", "chat.lobby", "--since", "9999999999999999:epoch"]],
    [["subscribe", "chat.lobby", "--url", "127.0.0.1:8080"]],
    [["subscribe", "chat.lobby", "--url", "https://example.org/"]],
    [["subscribe", "chat.lobby", "--user", ""]],
    [["publish", "--user", "", "{}"]],
    [["publish", "chat.lobby", "{}", "--address", "127.0.0.1"]],
    [["stats", "--address", "127.0.0.1:70000"]],
    [["online", "ada", "--channel", "chat.lobby"]],
    [["serve", "everything"]],
    [["token", ""]],
    [["token", "ada", "--expires", "soon"]],
  ])("%j is a wrong command line: exit code 2 and a word on standard error", async (options) => {
    const { code, stdout, stderr } = await runHalley(options, { HALLEY_DATA: folder });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: /);
  });

  it("says in one sentence that nothing answers, and exits with 1", async () => {
    const cases = [
      ["publish", "chat.lobby", "{}", "--address", "127.0.0.1:1"],
      ["online", "--address", "127.0.0.1:1"],
      ["stats", "--address", "127.0.0.1:1"],
      ["subscribe", "chat.lobby", "--url", "ws://127.0.0.1:1/v1/websocket"],
    ];
    for (const options of cases) {
      const { code, stderr } = await runHalley(options, { HALLEY_DATA: folder });
      expect(stderr, options.join(" ")).toMatch(/^halley: (nothing answers on|ws:\/\/\S+ can't be connected to)[^\n]*\n$/);
      expect(code).toBe(1);
    }
  });
});

describe("halley token", () => {
  it("signs for any user id, as long as asked", async () => {
    const { stdout, code } = await runHalley(["token", "auth0|a b.c", "--expires", "10m"], { HALLEY_JWT_SECRET: SECRET, HALLEY_DATA: folder });
    expect(code).toBe(0);
    const { payload, protectedHeader } = await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET));
    expect(protectedHeader.alg).toBe("HS256");
    expect(payload.sub).toBe("auth0|a b.c");
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(600);
  });
});

describe("halley check-config", () => {
  it("prints everything but the secrets", async () => {
    const env = { HALLEY_CONFIG: "examples/halley.yaml", HALLEY_SCHEMAS: "examples/schemas", HALLEY_JWT_SECRET: SECRET, HALLEY_API_KEYS: "key-one,key-two", HALLEY_DATA: folder };
    const { stdout, code } = await runHalley(["check-config"], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/HALLEY_JWT_SECRET +\(set\)/);
    expect(stdout).toMatch(/chat +1000 messages, 3600 s, 1024 MiB +on +signed-in +signed-in +demo\.v1\.ChatMessage, untyped JSON/);
    expect(stdout).not.toContain(SECRET);
    expect(stdout).not.toContain("key-one");
    const parsed = JSON.parse((await runHalley(["check-config", "--json"], env)).stdout) as { types: string[] };
    expect(parsed.types).toContain("demo.v1.OrderChanged.Item");
  });

  it("lists all problems of all three at once, and exits with 2", async () => {
    writeFileSync(join(folder, "halley.yaml"), "namespaces:\n  Chat: {}\n  news: { history: { messages: 0, age: 1h, bytes: 1GiB } }\n  ok: { types: [demo.v1.Missing] }\n");
    writeFileSync(join(folder, "bad.proto"), "nonsense");
    const { stderr, code, stdout } = await runHalley(["check-config"], {
      HALLEY_TYPO: "1", HALLEY_CONNECTOR_PORT: "99999", HALLEY_CONFIG: join(folder, "halley.yaml"), HALLEY_SCHEMAS: folder,
    });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    for (const words of ["HALLEY_TYPO", "HALLEY_CONNECTOR_PORT must be", "namespaces.news.history.messages", "does not compile: bad.proto"]) expect(stderr).toContain(words);
  });

  it("names types that no schema has", async () => {
    writeFileSync(join(folder, "types.yaml"), "namespaces:\n  ok: { types: [demo.v1.Missing, demo.v1.ChatMessage] }\n");
    const { stderr, code } = await runHalley(["check-config"], { HALLEY_CONFIG: join(folder, "types.yaml"), HALLEY_SCHEMAS: "examples/schemas" });
    expect(stderr).toMatch(/^halley: \S+types\.yaml: namespaces\.ok\.types: demo\.v1\.Missing is not in HALLEY_SCHEMAS: correct the name[^\n]*\n$/);
    expect(code).toBe(2);
  });
});
