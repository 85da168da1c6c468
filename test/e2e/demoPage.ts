import type { Browser, BrowserContext, Page } from "playwright-core";
import { eventually } from "../helpers/eventually.js";

/** A person at the demo page, in a browser session of their own. */
export class DemoPage {
  readonly page: Page;
  readonly #context: BrowserContext;
  /** What the page complained of: uncaught errors and refusals by its content security policy. */
  readonly faults: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) this.faults.push(message.text());
    });
  }

  /** Opens the page of the connector at this port, without joining. */
  static async open(browser: Browser, port: number): Promise<DemoPage> {
    const context = await browser.newContext();
    const demo = new DemoPage(context, await context.newPage());
    await demo.page.goto(`http://127.0.0.1:${String(port)}/`);
    return demo;
  }

  /** Opens the page, joins under this name and waits until the room is subscribed. */
  static async join(browser: Browser, port: number, name: string): Promise<DemoPage> {
    const demo = await DemoPage.open(browser, port);
    await demo.page.getByLabel("Name", { exact: true }).fill(name);
    await demo.page.getByRole("button", { name: "Join" }).click();
    await demo.untilInRoom();
    return demo;
  }

  /** Waits until the page shows a position in the room. */
  async untilInRoom(): Promise<void> {
    await this.page.getByText(/^position \d+$/).waitFor();
  }

  /** Waits for what the connection's sign says. */
  async untilState(text: string, timeout = 20_000): Promise<void> {
    await this.page.locator("#connection-text").getByText(text, { exact: true }).waitFor({ timeout });
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message to chat.lobby").fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** The texts of all messages that the connector delivered, in the order in which they stand. */
  texts(): Promise<string[]> {
    return this.page.locator(".message:not(.pending):not(.failed) .bubble").allTextContents();
  }

  /** Waits until these are the texts, no more and no fewer. */
  async untilTexts(expected: readonly string[]): Promise<void> {
    let texts: string[] = [];
    try {
      await eventually(async () => {
        texts = await this.texts();
        return JSON.stringify(texts) === JSON.stringify(expected);
      });
    } catch {
      throw new Error(`the page shows ${JSON.stringify(texts)} instead of ${JSON.stringify(expected)}`);
    }
  }

  /** The names in the list of people. */
  people(): Promise<string[]> {
    return this.page.locator("#people .name").allTextContents();
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
