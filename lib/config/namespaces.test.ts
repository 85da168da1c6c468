import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problemsOf } from "../../test/helpers/problems.js";
import { loadNamespaces, parseNamespaces, withNamespaces } from "./namespaces.js";

describe("namespaces", () => {
  it("always has inboxes, everyone and the system's", () => {
    const namespaces = parseNamespaces({}, "test");
    expect([namespaces.all.map(({ name }) => name), namespaces.replicas]).toEqual([["user", "all", "sys"], 1]);
    expect(namespaces.byName("user")).toMatchObject({ history: { messages: 1_000, ageMs: 86_400_000 }, subscribe: "signed-in", publish: "nobody", untyped: true });
    expect(namespaces.byName("sys")).toMatchObject({ history: undefined, subscribe: "nobody" });
  });

  it("allows nothing that is not written", () => {
    expect(parseNamespaces({ namespaces: { chat: {} } }, "test").byName("chat")).toEqual({
      name: "chat", history: undefined, presence: false, subscribe: "nobody", publish: "nobody", types: undefined, untyped: false,
    });
  });

  it("reads sizes and durations", () => {
    const namespaces = parseNamespaces({ replicas: 3, namespaces: { chat: { history: { messages: 5, age: "1.5h", bytes: "2 MiB" } } } }, "test");
    expect(namespaces.ofChannel("chat.x.y")?.history).toEqual({ messages: 5, ageMs: 5_400_000, bytes: 2 * 2 ** 20 });
  });

  it("lets the built-in ones be set, and others replace them", () => {
    const base = parseNamespaces({ namespaces: { all: { subscribe: "nobody" } } }, "test");
    expect(base.byName("all")?.subscribe).toBe("nobody");
    const changed = withNamespaces(base, [{ ...base.byName("sys")!, subscribe: "signed-in" }]);
    expect([changed.byName("sys")?.subscribe, base.byName("sys")?.subscribe, changed.all.length]).toEqual(["signed-in", "nobody", 3]);
  });

  it("keeps of the built-in ones what is not written", () => {
    const history = { messages: 10, age: "1h", bytes: "1MiB" };
    const namespaces = parseNamespaces({ namespaces: { user: { presence: true }, all: { history } } }, "test");
    expect(namespaces.byName("user")).toMatchObject({ presence: true, subscribe: "signed-in", untyped: true, history: { messages: 1_000 } });
    expect(namespaces.byName("all")).toMatchObject({ subscribe: "signed-in", untyped: true, history: { messages: 10 } });
  });

  it("says everything that is wrong at once: names, values, and what it doesn't know", async () => {
    const found = await problemsOf(() =>
      parseNamespaces(
        {
          replicas: 2,
          colour: "red",
          namespaces: { Chat: {}, sys: {}, a: { history: { messages: 0, age: "soon", bytes: "1KiB" } }, b: { subscribe: "everyone", typos: true }, c: { types: [] }, d: 7 },
        },
        "halley.yaml",
      ),
    );
    for (const part of ["replicas", "colour", "Chat: the name", "sys: the name is reserved", "a.history.messages", "a.history.age", "a.history.bytes", "b.subscribe", "typos", "c.types", "namespaces.d"]) {
      expect(found.filter((problem) => problem.includes(part)), part).toHaveLength(1);
    }
    expect(found.every((problem) => problem.startsWith("halley.yaml: "))).toBe(true);
  });

  it("names every type that is not registered, beside what else is wrong, when the registered ones are told", async () => {
    const document = { replicas: 2, namespaces: { chat: { types: ["a.Known", "a.Missing"] }, Bad: { types: ["b.Missing"], typos: 1 }, odd: { types: 7 } } };
    const known = { has: (type: string) => type === "a.Known" };
    const unknown = (found: readonly string[]): readonly string[] => found.filter((problem) => problem.includes("HALLEY_SCHEMAS"));
    const found = await problemsOf(() => parseNamespaces(document, "halley.yaml", known));
    expect(unknown(found)).toEqual([
      expect.stringMatching(/^halley\.yaml: namespaces\.chat\.types: a\.Missing is not in HALLEY_SCHEMAS: correct the name, or set/),
      expect.stringMatching(/^halley\.yaml: namespaces\.Bad\.types: b\.Missing is not in/),
    ]);
    expect(found.some((problem) => problem.includes("replicas")) && found.some((problem) => problem.includes("typos"))).toBe(true);
    expect(unknown(await problemsOf(() => parseNamespaces(document, "halley.yaml")))).toEqual([]);
  });

  describe("from a file", () => {
    let folder: string;
    beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "halley-config-")); });
    afterEach(() => { rmSync(folder, { recursive: true }); });
    const file = (text: string): string => {
      const path = join(folder, "halley.yaml");
      writeFileSync(path, text);
      return path;
    };

    it("is read, also an empty one", () => {
      expect(loadNamespaces(file("namespaces:\n  chat:\n    presence: true\n")).byName("chat")?.presence).toBe(true);
      expect(loadNamespaces(file("")).all).toHaveLength(3);
      expect(loadNamespaces(undefined).all).toHaveLength(3);
    });

    it("is named in the problem when it is missing, or no YAML", async () => {
      expect((await problemsOf(() => loadNamespaces(join(folder, "none.yaml"))))[0]).toMatch(/none\.yaml can't be read .*HALLEY_CONFIG/);
      expect((await problemsOf(() => loadNamespaces(file("a: ["))))[0]).toMatch(/halley\.yaml is not YAML/);
      expect((await problemsOf(() => loadNamespaces(file("- a"))))[0]).toMatch(/halley\.yaml: \(top\)/);
    });
  });
});
