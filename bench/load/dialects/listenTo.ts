import { FrameReader } from "../frameReader.js";
import type { Conversation, Dialect, SignIn } from "./dialect.js";

/** What came of a conversation. */
export interface Heard {
  subscribed: number;
  readonly publications: string[];
}

/** For tests: a conversation, what it says without the frames around, and what it tells. */
export function listenTo(dialect: Dialect, signIn: SignIn): { readonly conversation: Conversation; readonly sent: string[]; readonly heard: Heard } {
  const sent: string[] = [];
  const heard: Heard = { subscribed: 0, publications: [] };
  const conversation = dialect.converse(signIn, {
    publication: (bytes, from, to) => heard.publications.push(bytes.toString("utf8", from, to)),
    subscribed: () => { heard.subscribed += 1; },
    send: (bytes) => sent.push(textIn(bytes)),
  });
  return { conversation, sent, heard };
}

/** A client's frame without its mask, which is zero, and without what tells that there is one. */
function textIn(frame: Buffer): string {
  const maskAt = (frame[1]! & 0x7f) < 126 ? 2 : 4;
  const unmasked = Buffer.concat([frame.subarray(0, maskAt), frame.subarray(maskAt + 4)]);
  unmasked[1]! &= 0x7f;
  let text = "";
  new FrameReader((bytes, from, to) => { text = bytes.toString("utf8", from, to); }).read(unmasked, unmasked.length);
  return text;
}
