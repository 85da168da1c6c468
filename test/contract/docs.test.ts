import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import { SETTINGS } from "../../lib/config/settings.js";
import { CATALOGUE } from "../../lib/errors/catalogue.js";
import { DEFAULT_LIMITS } from "../../services/connector/limits.js";
import { SCENARIOS } from "../../stress/scenarios/all.js";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "client/README.md", "docs/errors.md", "docs/settings.md", "docs/limits.md", "docs/PROTOCOL.md", "docs/guarantees.md", "stress/README.md"];

/** Holds a part of a document to what the code says; with UPDATE_DOCS=1 writes it. */
function expectPart(file: string, pattern: RegExp, expected: string): void {
  const text = readFileSync(file, "utf8");
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, text.replace(pattern, (_, before: string, __, after: string) => before + expected + after));
  const match = pattern.exec(readFileSync(file, "utf8"));
  expect(match?.[2], `${file}: UPDATE_DOCS=1 npx vitest run test/contract/docs.test.ts writes it`).toBe(expected);
}

function expectList(file: string, name: string, rows: readonly (readonly string[])[]): void {
  const table = rows.map((row) => `| ${row.join(" | ")} |`);
  table.splice(1, 0, `|${"---|".repeat(rows[0]?.length ?? 0)}`);
  expectPart(file, new RegExp(`(<!-- begin: ${name} -->\n)([^]*?)(<!-- end: ${name} -->)`), `${table.join("\n")}\n`);
}

describe("the lists in docs/", () => {
  it("errors.md has every error of the catalogue", () => {
    const rows = Object.entries(CATALOGUE).map(([reason, { code, retryable, meaning }]) => [`\`${reason}\``, code, retryable ? "yes" : "no", meaning]);
    expectList("docs/errors.md", "catalogue", [["reason", "status", "retryable", "what it means, and what to do"], ...rows]);
  });

  it("settings.md has every setting", () => {
    const rows = Object.entries(SETTINGS).map(([name, { about }]) => [`\`${name}\``, about]);
    expectList("docs/settings.md", "settings", [["variable", "what"], ...rows]);
  });

  it("stress/README.md has every scenario", () => {
    const rows = SCENARIOS.map(({ fault, transport, history, world, name }) => [fault, transport, history, world.nats, name]);
    expectList("stress/README.md", "scenarios", [["fault", "transport", "history", "NATS", "scenario"], ...rows]);
  });

  it("limits.md has every limit of a connector, with its value", () => {
    const rows = readFileSync("docs/limits.md", "utf8").split("\n").filter((line) => line.startsWith("| `"));
    for (const [name, value] of Object.entries<number>({ ...DEFAULT_LIMITS })) {
      const row = rows.find((line) => line.includes(`\`${name}\``));
      expect(row?.split(" | ")[1]?.split(", "), name).toContain(String(value));
    }
  });
});

describe("the examples in the documents", () => {
  it.each([
    ["README.md", "examples/node/publish.mjs"],
    ["README.md", "examples/python/publish.py"],
    ["README.md", "examples/go/main.go"],
    ["README.md", "examples/grpcurl.sh"],
    ["README.md", "examples/browser/index.html"],
    ["docs/settings.md", "examples/halley.yaml"],
  ])("%s shows %s as it is", (document, example) => {
    const pattern = new RegExp(`(<!-- ${example.replaceAll(".", "\\.")} -->\n\`\`\`\\w+\n)([^]*?)(\`\`\`)`);
    expectPart(document, pattern, readFileSync(example, "utf8"));
  });

  it("examples/halley.yaml can be used", () => {
    const names = parseNamespaces(parse(readFileSync("examples/halley.yaml", "utf8")), "examples/halley.yaml").all.map(({ name }) => name);
    expect(names).toEqual(["user", "all", "sys", "chat", "orders", "cursors"]);
  });
});

describe("the links in the documents", () => {
  it.each(DOCUMENTS)("%s", (document) => {
    const targets = [...readFileSync(document, "utf8").matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target ?? "");
    expect(targets.filter((target) => !existsSync(join(dirname(document), target)))).toEqual([]);
  });
});
