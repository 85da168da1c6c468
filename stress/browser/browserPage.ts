import { setTimeout as pause } from "node:timers/promises";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { signToken } from "../../test/helpers/installation.js";
import type { Position } from "../clients/protocol.js";
import { ClientState } from "../clients/state.js";
import type { Ledger } from "../world/ledger.js";
import type { Participant } from "../world/participant.js";

/** How a page lives. */
export interface BrowserPageOptions {
  readonly user: string;
  readonly channels: readonly string[];
  readonly transports: readonly ("websocket" | "poll")[];
  /** Of what stands before the connectors. */
  readonly port: number;
  readonly ledger: Ledger;
  /** Where the page itself is: anything of loopback. Connectors must allow loopback origins. */
  readonly site: string;
}

/** What the SDK told the app, in order. */
type PageEvent =
  | { readonly kind: "subscribed"; readonly channel: string; readonly recovered: boolean; readonly position: Position }
  | { readonly kind: "publication"; readonly channel: string; readonly offset: number; readonly n: number }
  | { readonly kind: "reset"; readonly channel: string; readonly reason: string; readonly position: Position }
  | { readonly kind: "error"; readonly reason: string };

const SDK = resolve("client/dist/halley.js");
/** Retries come soon: a scenario would wait for half a minute otherwise. */
const HASTY = "const random = Math.random; Math.random = () => random() / 20;";
const APP = `
  globalThis.events = [];
  globalThis.start = ({ channels, ...options }) => {
    const tell = (kind, { channel, offset, recovered, position, reason, data }) => events.push({ kind, channel, offset, recovered, position, reason, n: data?.n });
    globalThis.halley = new Halley(options);
    halley.on("error", (error) => tell("error", error));
    for (const channel of channels) {
      halley.subscribe(channel, (publication) => tell("publication", publication), {
        onSubscribed: (event) => tell("subscribed", event),
        onReset: (event) => tell("reset", event),
        onError: (error) => tell("error", error),
      });
    }
    halley.connect();
  };`;
const COLLECT_EVERY_MS = 50;

/** A page in a real browser with the SDK in it; what its app is told is held against the truth as any client's. */
export class BrowserPage implements Participant {
  readonly state: ClientState;
  readonly #page: Page;
  readonly #run: Promise<void>;
  #isStopped = false;

  private constructor(page: Page, { user, transports, channels, ledger }: BrowserPageOptions) {
    this.#page = page;
    this.state = new ClientState(`${user}/page/${transports.join("+")}`, { channels, ledger });
    this.#run = this.#collect().catch((error: unknown) => { this.state.errors.push(error instanceof Error ? error.message : String(error)); });
  }

  /** Opens a page in a window of its own. Resolves when all its channels are subscribed. */
  static async open(browser: Browser, options: BrowserPageOptions): Promise<BrowserPage> {
    const { user, port, channels, transports, site } = options;
    const page = await (await browser.newContext()).newPage();
    await page.goto(site);
    for (const content of [HASTY, APP]) await page.addScriptTag({ content });
    await page.addScriptTag({ path: SDK });
    const start = { token: await signToken(user), url: `http://127.0.0.1:${String(port)}`, transports, channels };
    await page.evaluate(`start(${JSON.stringify(start)})`);
    return new BrowserPage(page, options).#joined();
  }

  /** Whether the browser gives it a network. */
  async goOnline(isOnline: boolean): Promise<void> {
    await this.#page.context().setOffline(!isOnline);
  }

  async stop(withGoodbye = false): Promise<void> {
    this.#isStopped = true;
    await this.#run;
    if (withGoodbye) await this.#page.evaluate("halley.close()");
    await this.#page.context().close();
  }

  async #joined(): Promise<this> {
    const deadline = Date.now() + 30_000;
    while (!this.state.hasAll) {
      if (Date.now() > deadline) throw new Error(`${this.state.name} could not subscribe: ${this.state.errors.slice(-3).join(", ")}`);
      await pause(20);
    }
    return this;
  }

  async #collect(): Promise<void> {
    while (!this.#isStopped) {
      for (const event of await this.#page.evaluate<PageEvent[]>("events.splice(0)")) this.#take(event);
      await pause(COLLECT_EVERY_MS);
    }
  }

  #take(event: PageEvent): void {
    const { records, positions, errors } = this.state;
    if (event.kind === "error") {
      errors.push(event.reason);
      return;
    }
    const record = records.get(event.channel);
    if (event.kind === "publication") record?.take(event.offset, event.n);
    else if (event.kind === "reset") record?.reset(event.reason, event.position);
    else {
      // The SDK keeps the positions; here they say only that there is one.
      record?.subscribed(event.recovered, event.position, positions.get(event.channel));
      positions.set(event.channel, event.position);
    }
  }
}
