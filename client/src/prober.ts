import { type Clock, type Timer } from "./clock.js";
import { type Link, type LinkEvents, type Transport } from "./transport.js";
import { type TransportChooser } from "./transportChooser.js";

/** A probe that has not opened by then has failed. */
const OPEN_LIMIT_MS = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly chooser: TransportChooser;
  /** Takes over a link that has opened; answers who is told its further events. */
  readonly adopt: (transport: Transport, link: Link) => LinkEvents;
}

/** While the fallback carries the connection, tries the preferred transport beside it, and hands it over when it opens. */
export class Prober {
  readonly #deps: Deps;
  #timer: Timer | undefined;
  #link: Link | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Begins, where the fallback is in use. */
  start(): void {
    this.stop();
    const probe = this.#deps.chooser.probe();
    if (probe) this.#timer = this.#deps.clock.after(probe.inMs, () => this.#open(probe.transport));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#link?.close(false);
    this.#link = undefined;
  }

  #open(transport: Transport): void {
    let adopted: LinkEvents | undefined;
    const events: LinkEvents = {
      onOpen: () => {
        const link = this.#link;
        if (!link) return;
        this.#timer?.cancel();
        this.#link = undefined;
        adopted = this.#deps.adopt(transport, link);
      },
      onAlive: (askedAtMs) => adopted?.onAlive(askedAtMs),
      onFrame: (frame) => adopted?.onFrame(frame),
      onPositions: (positions) => adopted?.onPositions(positions),
      onEnd: (end) => {
        if (adopted) adopted.onEnd(end);
        else this.#failed(transport);
      },
    };
    try {
      this.#link = transport.open(events);
      this.#timer = this.#deps.clock.after(OPEN_LIMIT_MS, () => this.#failed(transport));
    } catch {
      this.#failed(transport);
    }
  }

  #failed(transport: Transport): void {
    this.#deps.chooser.failed(transport);
    this.start();
  }
}
