import { type HalleyError } from "./errors.js";
import { checked, type Position, type Publication, replacing, type SubscribedFrame } from "./frames.js";
import { advanced, covers, isSeen, raised } from "./positions.js";
import { type Listener } from "./subscription.js";

/**
 * `idle`: not asked for on the present link. `asked`: the answer is awaited. `live`: subscribed. Publications count only
 * when live: what comes before the answer belongs to a subscription that was ended.
 */
export type ChannelStatus = "idle" | "asked" | "live";

/** One channel: who listens, and up to where everything was handled. Knows no network. */
export class Channel {
  readonly name: string;
  status: ChannelStatus = "idle";
  /** Takes the request back that asks for the channel, while it is not sent. */
  takeBack: () => boolean = () => false;
  #position: Position | undefined;
  readonly #listeners = new Set<Listener>();
  /** Those who came with an older position than the channel was asked for with: they were promised nothing. */
  readonly #unserved = new Set<Listener>();
  readonly #report: (fault: unknown) => void;

  constructor(name: string, report: (fault: unknown) => void) {
    this.name = name;
    this.#report = report;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  get isUnheard(): boolean {
    return this.#listeners.size === 0;
  }

  /** Adds a listener. The first one's position is where the channel begins. */
  add(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.status === "idle") this.#position ??= listener.position;
    const isServed = !listener.position || (this.#position !== undefined && covers(listener.position, this.#position));
    if (!isServed) this.#unserved.add(listener);
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
    this.#unserved.delete(listener);
  }

  has(listener: Listener): boolean {
    return this.#listeners.has(listener);
  }

  /** The subscription stands: tells so, then hands over what was missed. */
  subscribed(frame: SubscribedFrame): void {
    const position = replacing(this.#position, frame.position);
    const missed = (frame.publications ?? []).map(checked);
    const isSameHistory = this.#position?.epoch === position.epoch;
    // In another history the old offset says nothing; everything that was sent is news.
    if (!isSameHistory) this.#position = { offset: Math.min(position.offset, ...missed.map(({ offset }) => offset - 1)), epoch: position.epoch };
    this.status = "live";
    this.#tell((listener) => this.#tellStands(listener, frame.recovered === true, position));
    for (const publication of missed) this.take(publication);
    // A callback ended it: what came after that callback's publication was not handled.
    if (!this.#isLive()) return;
    this.#position = frame.recovered === true && this.#position ? raised(this.#position, position) : position;
  }

  /** Tells a listener who came while the subscription stood already. */
  welcome(listener: Listener): void {
    const position = this.#position;
    if (this.status !== "live" || !position || !this.#listeners.has(listener)) return;
    this.#guard(() => this.#tellStands(listener, true, position));
  }

  /** Hands a publication to the listeners, unless it was handled already. */
  take(publication: Publication): void {
    const { offset } = checked(publication);
    if (this.status !== "live" || (this.#position && isSeen(this.#position, offset))) return;
    this.#tell((listener) => listener.onPublication(publication));
    if (this.#position) this.#position = advanced(this.#position, offset);
  }

  /** The history was lost: the position is replaced, the listeners are told. */
  reset(wire: Partial<Position> | undefined, reason: string): void {
    if (this.status !== "live") return;
    const position = replacing(this.#position, wire);
    this.#position = position;
    this.#tell((listener) => listener.onReset?.({ channel: this.name, position, reason }));
  }

  /** It is proven that nothing is missing up to here. */
  raise(proven: Position): void {
    if (this.status === "live" && this.#position) this.#position = raised(this.#position, proven);
  }

  /** The connector refused or ended the subscription. */
  end(error: HalleyError): void {
    this.status = "idle";
    this.#tell((listener) => listener.onError?.(error));
    this.#listeners.clear();
  }

  #tellStands(listener: Listener, isRecovered: boolean, position: Position): void {
    const recovered = !this.#unserved.delete(listener) && isRecovered;
    listener.onSubscribed?.({ channel: this.name, recovered, position });
  }

  /** As callbacks change it meanwhile. */
  #isLive(): boolean {
    return this.status === "live";
  }

  /** Calls something of each listener; one that throws stops nobody else. One that was removed meanwhile is left out. */
  #tell(call: (listener: Listener) => void): void {
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) this.#guard(() => call(listener));
    }
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (fault) {
      this.#report(fault);
    }
  }
}
