import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock, settle } from "../test/fakeClock.js";
import { tokenFor } from "../test/scene.js";
import { Halley } from "./halley.js";
import { webSocketTransport } from "./websocket.js";

/** A WebSocket as a browser has it, on a network that a test plays. */
class FakeWebSocket {
  static readonly OPEN = 1;
  static readonly made: FakeWebSocket[] = [];
  readonly sent: string[] = [];
  readonly closes: (number | undefined)[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((end: { code: number; reason: string }) => void) | null = null;

  constructor() {
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 3;
  }

  open(): void {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen?.();
  }

  say(...frames: object[]): void {
    this.onmessage?.({ data: frames.map((frame) => JSON.stringify(frame)).join("\n") });
  }
}

describe("WebSocket", () => {
  let clock: FakeClock;
  let halley: Halley;

  beforeEach(() => {
    vi.stubGlobal("WebSocket", FakeWebSocket);
    FakeWebSocket.made.length = 0;
    clock = new FakeClock();
    halley = new Halley({ token: () => tokenFor("ada") }, { clock, random: () => 0.5, transports: [webSocketTransport("http://connector")], watchWakes: () => () => undefined });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const newest = (): FakeWebSocket => FakeWebSocket.made.at(-1)!;
  /** Opens the newest socket, and answers the sign-in; gives the session that it brought. */
  async function signIn(): Promise<string | undefined> {
    await settle();
    newest().open();
    await settle();
    const connect = newest().sent.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as { id: number; connect?: { session?: string } }).find((frame) => frame.connect);
    newest().say({ id: connect?.id, connected: { session: "s1", user: "ada", pingIntervalMs: 25_000, subscriptions: {} } });
    return connect?.connect?.session;
  }

  it("says no goodbye to a session that it comes back to after a silence", async () => {
    halley.connect();
    await signIn();
    const silent = newest();
    await clock.advance(39_000);
    expect(await signIn()).toBe("s1");
    expect(newest()).not.toBe(silent);
    expect(silent.closes).toEqual([4000]);
    halley.close();
    expect(newest().closes).toEqual([1000]);
  });

  it("says none on a connection that sends what is no frame", async () => {
    halley.connect();
    await signIn();
    newest().onmessage?.({ data: "no frame" });
    expect(newest().closes).toEqual([4000]);
    halley.close();
  });
});
