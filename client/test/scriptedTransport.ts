import { type ClientFrame, type ServerFrame } from "../src/frames.js";
import { type Link, type LinkEnd, type LinkEvents, type Transport, type TransportName } from "../src/transport.js";

/** One link of a scripted transport: what the client sent, and the connector's part to play. */
export class ScriptedLink implements Link {
  readonly sent: ClientFrame[] = [];
  isClosed = false;
  saidGoodbye = false;
  readonly #events: LinkEvents;

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  send(frame: ClientFrame): void {
    this.sent.push(frame);
  }

  close(goodbye: boolean): void {
    if (!this.isClosed) this.saidGoodbye = goodbye;
    this.isClosed = true;
  }

  /** The link opens. */
  open(): void {
    this.#events.onOpen();
  }

  /** The connector says something. */
  say(...frames: ServerFrame[]): void {
    for (const frame of frames) {
      if (this.isClosed) return;
      this.#events.onAlive();
      this.#events.onFrame(frame);
    }
  }

  /** The link ends by itself. */
  end(end: Partial<LinkEnd> = {}): void {
    this.isClosed = true;
    this.#events.onEnd({ code: 1006, reason: "", ...end });
  }

  /** Answers the sign-in. */
  welcome(more: Partial<NonNullable<ServerFrame["connected"]>> = {}): void {
    const id = this.asked("connect").at(-1)?.id ?? 0;
    this.say({ id, connected: { session: "s1", user: "ada", pingIntervalMs: 20_000, subscriptions: {}, ...more } });
  }

  /** The frames of one kind, oldest first. */
  asked(kind: keyof ClientFrame): ClientFrame[] {
    return this.sent.filter((frame) => frame[kind] !== undefined);
  }
}

/** A transport whose links a test plays by hand. */
export class ScriptedTransport implements Transport {
  readonly links: ScriptedLink[] = [];

  constructor(readonly name: TransportName = "websocket") {}

  open(events: LinkEvents): ScriptedLink {
    const link = new ScriptedLink(events);
    this.links.push(link);
    return link;
  }

  /** The newest link. */
  get link(): ScriptedLink {
    const link = this.links.at(-1);
    if (!link) throw new Error("no link was opened");
    return link;
  }
}
