import { clientFrame, eachLine } from "../frameReader.js";
import type { Conversation, Dialect, Listener, SignIn } from "./dialect.js";

/** The third and fourth byte tell the frames apart: {"publication", {"ping", {"id"; {"disconnect" and {"reset" are none of them. */
const KIND_AT = 2;
const PUBLICATION = 0x7075;
const PING = 0x7069;
const ANSWER = 0x6964;
const PONG = clientFrame('{"pong":{}}');

/** Halley's WebSocket in JSON (docs/PROTOCOL.md). */
export const halley: Dialect = {
  upgrade: () => ({ path: "/v1/websocket", subprotocol: "halley.v1.json" }),
  converse: (signIn, listener) => {
    const { hear } = hearLines(listener);
    return { begin: () => { listener.send(clientFrame(greeting(signIn))); }, hear };
  },
};

/** Hears frames of lines, as a connector sends them. The floor sends the same. */
export function hearLines(listener: Listener): Pick<Conversation, "hear"> {
  let answers: string[] | undefined;
  const onLine = (bytes: Buffer, from: number, to: number): void => {
    const kind = to - from < KIND_AT + 2 ? undefined : bytes.readUInt16BE(from + KIND_AT);
    if (kind === PUBLICATION) listener.publication(bytes, from, to);
    else if (kind === PING) listener.send(PONG);
    else if (kind === ANSWER) onAnswer(bytes.toString("utf8", from, to));
    else throw new Error(`unexpected: ${bytes.toString("utf8", from, Math.min(to, from + 500))}`);
  };
  const onAnswer = (text: string): void => {
    if (text.includes('"error":')) throw new Error(`refused: ${text}`);
    answers = [...(answers ?? []), text];
    if (!text.startsWith('{"id":2,"subscribed"')) return;
    listener.subscribed(answers);
    answers = undefined;
  };
  return { hear: (bytes, from, to) => { eachLine(bytes, from, to, onLine); } };
}

/** Signs in and subscribes at once, as a client does that comes back. */
function greeting({ token, channel, earlier }: SignIn): string {
  const { session, positions, position } = earlier ? placeIn(earlier) : {};
  const connect = JSON.stringify({ id: 1, connect: { token, session, positions } });
  return `${connect}\n${JSON.stringify({ id: 2, subscribe: { channel, position } })}`;
}

interface Subscribed {
  readonly position: unknown;
  readonly recovered?: boolean;
  readonly publications?: readonly unknown[];
}

interface Answers {
  readonly connected?: { readonly session: string; readonly subscriptions: Readonly<Record<string, Subscribed>> };
  readonly subscribed?: Subscribed;
}

/** Where a client was after these answers, when nothing came after them. */
function placeIn(answers: readonly string[]): { readonly session: string | undefined; readonly positions: Readonly<Record<string, unknown>>; readonly position: unknown } {
  const { connected, subscribed } = read(answers);
  const positions = Object.fromEntries(Object.entries(connected?.subscriptions ?? {}).map(([channel, { position }]) => [channel, position]));
  return { session: connected?.session, positions, position: subscribed?.position };
}

/** How many publications the subscribed channel's answer brought. Throws when what was missed was not recovered. */
export function recoveredIn(answers: readonly string[]): number {
  const { connected, subscribed } = read(answers);
  const all = [...Object.values(connected?.subscriptions ?? {}), ...(subscribed ? [subscribed] : [])];
  if (!subscribed || all.some(({ recovered }) => recovered !== true)) throw new Error(`a client that came back was not given what it missed: ${answers.join(" ")}`);
  return subscribed.publications?.length ?? 0;
}

function read(answers: readonly string[]): Answers {
  return Object.assign({}, ...answers.map((text) => JSON.parse(text) as Answers)) as Answers;
}
