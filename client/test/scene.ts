import { Halley, type HalleyOptions } from "../src/halley.js";
import { type StateChange } from "../src/connectionState.js";
import { type HalleyError } from "../src/errors.js";
import { FakeClock, settle } from "./fakeClock.js";
import { ScriptedTransport } from "./scriptedTransport.js";

/** A JWT that nobody checks. */
export function tokenFor(sub: string, times: { readonly iat?: number; readonly exp?: number } = {}): string {
  const part = (value: unknown): string => btoa(JSON.stringify(value)).replace(/=+$/, "");
  return `${part({ alg: "HS256" })}.${part({ sub, ...times })}.signature`;
}

/** A client whose time, transports and chance a test holds in its hands. */
export class Scene {
  readonly clock = new FakeClock();
  readonly webSocket = new ScriptedTransport("websocket");
  readonly poll = new ScriptedTransport("poll");
  readonly memory = new Map<string, string>();
  readonly states: StateChange[] = [];
  readonly errors: HalleyError[] = [];
  readonly faults: unknown[] = [];
  readonly halley: Halley;
  /** What Math.random would say. */
  chance = 0.5;
  wake: () => void = () => undefined;

  constructor(options: Partial<HalleyOptions> = {}) {
    this.halley = new Halley(
      { token: () => tokenFor("ada"), ...options },
      {
        clock: this.clock,
        random: () => this.chance,
        transports: [this.webSocket, this.poll],
        memory: {
          getItem: (key) => this.memory.get(key) ?? null,
          setItem: (key, value) => void this.memory.set(key, value),
          removeItem: (key) => void this.memory.delete(key),
        },
        report: (fault) => void this.faults.push(fault),
        watchWakes: (onWake) => {
          this.wake = onWake;
          return () => undefined;
        },
      },
    );
    this.halley.on("state", (change) => void this.states.push(change));
    this.halley.on("error", (error) => void this.errors.push(error));
  }

  /** Connects, and answers the sign-in. */
  async connect(): Promise<void> {
    this.halley.connect();
    await settle();
    this.webSocket.link.welcome();
  }
}
