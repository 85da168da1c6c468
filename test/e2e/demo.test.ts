import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PublishRequest } from "../../gen/halley/v1/publish.js";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation, TEST_API_KEY, TEST_DEMO, TEST_NAMESPACES } from "../helpers/installation.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";
import { startTcpProxy, type TcpProxy } from "../helpers/tcpProxy.js";
import { DemoPage } from "./demoPage.js";

/** And no recent ring that lives on after the last subscriber: what is past the history is really gone. */
const SHORT_HISTORY = { messages: 5, age: "1h", bytes: "16MiB" };

describe("the demo page", () => {
  let installation: Installation;
  let browser: Browser;
  let publisher: TestPublisher;
  let proxy: TcpProxy;
  const open: DemoPage[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    const namespaces = { namespaces: { ...TEST_NAMESPACES.namespaces, chat: { ...TEST_NAMESPACES.namespaces.chat, history: SHORT_HISTORY } } };
    installation = await startInstallation({ presence: true, demo: true, namespaces, limits: { lingerMs: 1 } });
    publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
    proxy = await startTcpProxy(installation.connectors[0]!.port);
  });

  afterEach(async () => {
    expect(open.flatMap(({ faults }) => faults)).toEqual([]);
    await Promise.all(open.splice(0).map((page) => page.close()));
    proxy.mode = "pass";
  });

  afterAll(async () => {
    await browser.close();
    publisher.close();
    await proxy.stop();
    await installation.stop();
  });

  async function join(name: string): Promise<DemoPage> {
    const page = await DemoPage.join(browser, proxy.port, name);
    open.push(page);
    return page;
  }

  const publish = (text: string): Promise<unknown> => publisher.publish(toChannel("chat.lobby", { text }));

  it("lets two windows chat, and shows who is in the room", async () => {
    const [ada, bob] = [await join("ada"), await join("bob@example.org")];
    await ada.say("hello bob");
    await bob.untilTexts(["hello bob"]);
    await bob.say("hello ada");
    for (const page of [ada, bob]) await page.untilTexts(["hello bob", "hello ada"]);
    expect(await bob.page.locator(".message .who b").first().textContent()).toBe("ada");
    await eventually(async () => (await ada.people()).join() === "ada,bob@example.org");
    await eventually(async () => Number(await ada.page.locator("#stat-users").textContent()) >= 2);
    await ada.untilState("Connected · WebSocket");
  });

  it("shows what backends publish over gRPC: to the room, to this user, to everyone", async () => {
    const [ada, bob] = [await join("ada.l"), await join("bob")];
    const message = (json: unknown): PublishRequest["message"] => ({ type: "", key: "", tags: {}, payload: { $case: "json", value: JSON.stringify(json) } });
    await publish("to the room");
    await publisher.publish({ target: { $case: "userId", value: "ada.l" }, message: message({ order: 7 }) });
    await publisher.publish({ target: { $case: "everyone", value: true }, message: message({ text: "to everyone" }) });
    await eventually(async () => (await ada.texts()).length === 3);
    expect((await ada.texts()).sort()).toEqual(["to everyone", "to the room", '{\n  "order": 7\n}'].sort());
    expect((await ada.page.locator(".message .badge").allTextContents()).sort()).toEqual(["to everyone", "to you"]);
    await eventually(async () => (await bob.texts()).length === 2);
  });

  it("shows hostile text as text", async () => {
    const page = await join("<b>eve</b>");
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await page.say(hostile);
    await page.untilTexts([hostile]);
    expect(await page.page.title()).toBe("Halley · live chat");
    expect(await page.page.locator(".log img, .log script").count()).toBe(0);
  });

  it("recovers over a reload what was published meanwhile", async () => {
    const page = await join("ada");
    await publish("before");
    await page.untilTexts(["before"]);
    await page.page.goto("about:blank");
    for (const text of ["one", "two", "three"]) await publish(text);
    await page.page.goto(`http://127.0.0.1:${String(proxy.port)}/`);
    await page.untilTexts(["before", "one", "two", "three"]);
    await page.page.getByText("3 messages recovered").waitFor();
    const lines = await page.page.locator("#log > .message .bubble, #log > .rule").allTextContents();
    expect(lines).toEqual(["before", "3 messages recovered", "one", "two", "three"]);
  });

  it("says so when more was missed than the history holds", async () => {
    const page = await join("ada");
    await page.page.goto("about:blank");
    for (let count = 0; count < 20; count++) await publish(`message ${String(count)}`);
    await page.page.goto(`http://127.0.0.1:${String(proxy.port)}/`);
    await page.page.locator(".toast.bad").getByText(/could not be recovered/).waitFor();
    await publish("and on it goes");
    await eventually(async () => (await page.texts()).at(-1) === "and on it goes");
  });

  it("works over long-poll where WebSockets are refused, and goes back when they are let through", async () => {
    proxy.mode = "refuse-upgrades";
    const page = await join("ada");
    await page.untilState("Connected · long-poll");
    await page.say("over long-poll");
    await page.untilTexts(["over long-poll"]);
    await publish("and back");
    await page.untilTexts(["over long-poll", "and back"]);
    await eventually(async () => (await page.people()).includes("ada"));
    // The probe would come in 30 s; as if they had passed.
    proxy.mode = "pass";
    await page.page.evaluate('sessionStorage.setItem(`halley.transport ${location.origin}`, `{"probeAtMs":0,"probes":0}`)');
    await page.page.reload();
    await page.untilState("Connected · WebSocket");
    await publish("over WebSocket again");
    await page.untilTexts(["over long-poll", "and back", "over WebSocket again"]);
  });

  it("changes to long-poll and back on request, and nothing is lost or doubled on the way", async () => {
    const page = await join("ada");
    const expected: string[] = [];
    for (const [index, state] of ["Connected · long-poll", "Connected · WebSocket"].entries()) {
      const changed = page.page.getByLabel("Force long-poll").setChecked(index === 0);
      for (let count = 0; count < 4; count++) {
        expected.push(`${state} ${String(count)}`);
        await publish(expected.at(-1) ?? "");
      }
      await changed;
      await page.untilState(state);
      await page.untilTexts(expected);
    }
  });

  it("keeps what is written while there is no connection, and sends it once", async () => {
    const page = await join("ada");
    await page.untilState("Connected · WebSocket");
    proxy.mode = "refuse";
    proxy.cut();
    await page.page.locator("#connection[data-state=disconnected]").waitFor();
    await page.say("written offline");
    await page.page.locator(".message.pending").waitFor();
    proxy.mode = "pass";
    await page.untilTexts(["written offline"]);
    expect(await page.page.locator(".message.pending, .message.failed").count()).toBe(0);
  });

  it("keeps the newest message in sight while the window changes its size, but not from whoever reads further up", async () => {
    const page = await join("ada");
    for (let count = 0; count < 30; count++) await publish(`line ${String(count)}`);
    const isInSight = async (text: string): Promise<boolean> => {
      const [one, log] = await Promise.all([page.page.locator(".message", { hasText: text }).boundingBox(), page.page.getByRole("log").boundingBox()]);
      return one !== null && log !== null && one.y >= log.y - 1 && one.y + one.height <= log.y + log.height + 1;
    };
    await eventually(() => isInSight("line 29"));
    for (const height of [420, 900, 500]) {
      await page.page.setViewportSize({ width: 1_000, height });
      await eventually(() => isInSight("line 29"));
    }
    await publish("after the change");
    await eventually(() => isInSight("after the change"));
    await page.page.getByRole("log").hover();
    await page.page.mouse.wheel(0, -10_000);
    await eventually(() => isInSight("line 0"));
    await publish("not in sight");
    await page.page.getByRole("button", { name: "New messages" }).click();
    await eventually(() => isInSight("not in sight"));
  });

  it("can be used by keyboard and by its labels alone", async () => {
    const page = await DemoPage.open(browser, proxy.port);
    open.push(page);
    await page.page.keyboard.type("ada");
    await page.page.keyboard.press("Enter");
    await page.untilInRoom();
    await page.page.keyboard.type("typed without a mouse");
    await page.page.keyboard.press("Enter");
    await page.untilTexts(["typed without a mouse"]);
    await page.page.getByLabel("grpcurl").press("Space");
    await page.page.getByLabel("Only you").press("Space");
    const command = await page.page.locator("#command").textContent();
    expect(command).toContain('"user_id":"ada"');
    expect(command).toContain(`127.0.0.1:${String(TEST_DEMO.publishPort)} halley.v1.PublishService/Publish`);
    await page.page.getByLabel("nats", { exact: true }).press("Space");
    expect(await page.page.locator("#command").textContent()).toContain(`nats pub --server ${TEST_DEMO.natsUrl} halley.pub.user.ada`);
    await page.page.getByLabel("halley", { exact: true }).press("Space");
    expect(await page.page.locator("#command").textContent()).toContain(`HALLEY_DATA='${TEST_DEMO.dataFolder}' npx halley publish --user ada`);
    expect(await page.page.getByRole("log").getAttribute("aria-live")).toBe("polite");
  });
});
