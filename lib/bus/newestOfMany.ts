import type { Clock } from "../clock.js";
import type { Bus } from "./bus.js";
import { fetchLastOfMany, MOST_SUBJECTS } from "./lastOfMany.js";
import { SharedRequest } from "./sharedRequest.js";
import type { StoredMessage } from "./storedMessage.js";

/**
 * From this version on a server stores nothing while it makes an answer of many (`isolateMu` in getDirectMulti, stream.go); before,
 * a channel's limit could take its newest message while it was looked up, and the channel would seem empty.
 */
export const ISOLATED_SINCE = "2.12.0";
/** Many who ask are served together, so often. */
const SPACING_MS = 2;

/** The newest message of a subject. */
export interface Newest {
  /** 0 when none is stored. */
  readonly sequence: number;
  /** The newest message of the answer, of whatever subject. */
  readonly seen: StoredMessage | undefined;
}

/** The newest messages of those who asked together: of a subject that is not in it none is stored, or it is not known. */
interface Together {
  readonly newest: ReadonlyMap<string, number>;
  readonly seen: StoredMessage | undefined;
  readonly isKnown: boolean;
}

const NOT_KNOWN: Together = { newest: new Map(), seen: undefined, isKnown: false };

/** How the newest message of one subject is asked for alone. */
type LastOf = (subject: string) => Promise<StoredMessage | undefined>;

/**
 * Asks for the newest messages of subjects with one question for all that are wanted together: ten thousand clients who come back
 * to as many inboxes cost a few questions. Every answer is to a question that was sent after the subject was asked for. Only where
 * one server alone has the stream, NATS 2.12 or newer: it answers as the leader does (docs/adr/0008).
 */
export class NewestOfMany {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #lastOf: LastOf;
  readonly #together: SharedRequest<Together>;
  #wanted = new Set<string>();

  constructor(bus: Bus, stream: string, { lastOf, clock }: { readonly lastOf: LastOf; readonly clock: Clock }) {
    this.#bus = bus;
    this.#stream = stream;
    this.#lastOf = lastOf;
    this.#together = new SharedRequest(() => this.#askTogether(), clock, SPACING_MS);
  }

  /** Throws NATS_UNAVAILABLE. */
  async of(subject: string): Promise<Newest> {
    this.#wanted.add(subject);
    const { newest, seen, isKnown } = await this.#together.afterNow();
    const sequence = newest.get(subject);
    if (sequence !== undefined || isKnown) return { sequence: sequence ?? 0, seen };
    const message = await this.#lastOf(subject);
    return { sequence: message?.sequence ?? 0, seen: message };
  }

  async #askTogether(): Promise<Together> {
    const subjects = [...this.#wanted];
    this.#wanted = new Set();
    // Asked alone it comes without the price of many.
    if (subjects.length === 1) return NOT_KNOWN;
    const pieces = Array.from({ length: Math.ceil(subjects.length / MOST_SUBJECTS) }, (_, at) => subjects.slice(at * MOST_SUBJECTS, (at + 1) * MOST_SUBJECTS));
    const answers = await Promise.all(pieces.map((piece) => fetchLastOfMany(this.#bus, this.#stream, { subjects: piece, from: 1 })));
    return {
      newest: new Map(answers.flatMap(({ newest }) => [...newest])),
      seen: answers.map(({ last }) => last).reduce((left, right) => ((left?.sequence ?? 0) > (right?.sequence ?? 0) ? left : right), undefined),
      isKnown: answers.every(({ unreadable }) => unreadable === 0),
    };
  }
}
