import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { eventually } from "../helpers/eventually.js";
import { signToken } from "../helpers/installation.js";

const SCRIPT = fileURLToPath(new URL("probe.js", import.meta.url));

/** How a probe connects. */
export interface ProbeOptions {
  readonly user?: string;
  readonly transports?: readonly ("websocket" | "poll")[];
  readonly channels: readonly string[];
  readonly positions?: unknown;
  /** Gives the page a token each time it asks; left out, it has one for an hour. */
  readonly tokens?: () => Promise<string>;
  readonly maxPending?: number;
  readonly publishTimeoutMs?: number;
  /** Runs in the page before everything else. */
  readonly before?: string;
}

/** A page with the SDK and nothing else, whose messages a test can read. */
export class ProbePage {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Opens a page of the connector at this port, and connects. Resolves when all channels are subscribed. */
  static async start(browser: Browser, port: number, options: ProbeOptions): Promise<ProbePage> {
    return ProbePage.startIn(await browser.newContext(), port, options);
  }

  /** As a further tab of a window that is there. */
  static async startIn(context: BrowserContext, port: number, options: ProbeOptions): Promise<ProbePage> {
    const probe = new ProbePage(await context.newPage());
    const { tokens, before } = options;
    if (tokens) await probe.page.exposeFunction("nextToken", tokens);
    if (before !== undefined) await probe.page.addInitScript({ content: before });
    await probe.page.addInitScript({ path: SCRIPT });
    await probe.page.goto(`http://127.0.0.1:${String(port)}/`);
    await probe.connect(options);
    return probe;
  }

  /** Makes a client in this page. Resolves when its channels are subscribed. */
  async connect({ user = "ada", transports = ["websocket", "poll"], channels, positions = {}, tokens, maxPending, publishTimeoutMs }: ProbeOptions): Promise<void> {
    const options = { token: await signToken(user), tokens: tokens !== undefined, transports, channels, positions, maxPending, publishTimeoutMs };
    await this.read(`probe.start(${JSON.stringify(options)})`);
    await eventually(async () => (await this.read<unknown[]>("probe.verdicts")).length >= channels.length);
  }

  /** Waits until the client has gone through these states (or transports, while connected), in this order. */
  async untilStates(...expected: string[]): Promise<void> {
    await eventually(async () => {
      const states = await this.read<string[]>("probe.states");
      if (states.join() === expected.join()) return true;
      throw new Error(`went through ${states.join()}`);
    });
  }

  /** What an expression gives in the page. */
  read<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression);
  }

  /** The data of all publications of a channel, in the order of the callbacks. */
  received<T = number>(channel: string): Promise<T[]> {
    return this.read<T[]>(`probe.received[${JSON.stringify(channel)}]`);
  }

  /** Waits until what was published by `probe.publishAll` is settled: by its data, "stored", "duplicate", or why not. */
  async outcomes(count: number, limitMs = 15_000): Promise<Record<string, string>> {
    return eventually(async () => {
      const outcomes = await this.read<Record<string, string>>("probe.outcomes");
      if (Object.keys(outcomes).length === count) return outcomes;
      throw new Error(`${String(Object.keys(outcomes).length)} of ${String(count)} publishes are settled`);
    }, limitMs);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
