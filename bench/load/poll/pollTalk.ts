import type { OnMessage } from "../frameReader.js";
import type { HttpAnswer } from "./httpReader.js";

/** How one poller talks with one kind of server: Halley and its floor, or a peer. It keeps what the next request needs. */
export interface PollTalk {
  /** The next request, whole, each character a byte. Called when the answer to the one before has been taken. */
  request(): string;
  /** Tells of every publication in an answer. Throws when it is no good answer. */
  take(answer: HttpAnswer, onPublication: OnMessage): void;
}
