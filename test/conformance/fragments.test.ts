// Group 5 (fragmentation) of the Autobahn test suite, by its case ids: all of it. Halley is no echo server: a message is a
// publish whose publication comes back. 5.15 is non-strict as the suite has it: the connection may be failed before the
// publication of the good message is there.
import { type ClientFrameParts, OPCODE } from "../helpers/rawWebSocket.js";
import type { Case, Chop, Peer } from "./peer.js";
import { runCases } from "./runCases.js";

const TEXT = "fragment1fragment2fragment3fragment4fragment5";
const HELLO = "Hello, world!";

/** A good message in so many frames. */
function fragments(peer: Peer, parts: number): ClientFrameParts[] {
  const payload = peer.payload(TEXT);
  const size = Math.ceil(payload.length / parts);
  return Array.from({ length: parts }, (_, at) => ({
    opcode: at === 0 ? OPCODE.text : OPCODE.continuation,
    fin: at === parts - 1,
    payload: payload.subarray(at * size, (at + 1) * size),
  }));
}

const ping = (payload: string): ClientFrameParts => ({ opcode: OPCODE.ping, payload });

const good = (id: string, what: string, chop: Chop, pings: readonly string[] = []): Case => ({
  id,
  what,
  run: async (peer) => {
    const [first, second] = fragments(peer, 2);
    if (!first || !second) throw new Error("too short");
    await peer.send([first, ...pings.map(ping), second], chop);
    if (pings.length > 0) await peer.pongs(...pings);
    await peer.echoes(TEXT);
    await peer.leaves();
  },
});

const bad = (id: string, what: string, chop: Chop, frames: (peer: Peer) => readonly ClientFrameParts[]): Case => ({
  id,
  what,
  run: async (peer) => {
    await peer.send(frames(peer), chop);
    await peer.ends(1002);
  },
});

/** Nothing stands before it that it could continue. */
const orphan = (fin: boolean): ClientFrameParts => ({ opcode: OPCODE.continuation, fin, payload: "non-continuation payload" });
const twice = (peer: Peer, fin: boolean): ClientFrameParts[] => [0, 1].flatMap(() => [{ ...orphan(fin), payload: "fragment1" }, ...fragments(peer, 2)]);
const pingsBetween = (id: string, chop: Chop): Case => ({
  id,
  what: `five fragments, pings between them, sent as ${String(chop)}`,
  run: async (peer) => {
    const [first, second, third, fourth, fifth] = fragments(peer, 5);
    if (!first || !second || !third || !fourth || !fifth) throw new Error("too short");
    await peer.send([first, second, ping("pongme 1!")], chop);
    // Answered while the message is not whole.
    await peer.pongs("pongme 1!");
    await peer.send([third, fourth, ping("pongme 2!"), fifth], chop);
    await peer.pongs("pongme 1!", "pongme 2!");
    await peer.echoes(TEXT);
    await peer.leaves();
  },
});

runCases("WebSocket conformance: fragmentation", [
  bad("5.1", "a fragmented ping", "one", () => [{ ...ping("fragment1"), fin: false }, { opcode: OPCODE.continuation, payload: "fragment2" }]),
  bad("5.2", "a fragmented pong", "one", () => [{ opcode: OPCODE.pong, payload: "fragment1", fin: false }, { opcode: OPCODE.continuation, payload: "fragment2" }]),
  good("5.3", "two fragments", "one"),
  good("5.4", "two fragments, frame by frame", "frames"),
  good("5.5", "two fragments, octet by octet", 1),
  good("5.6", "two fragments, a ping between", "one", ["ping payload"]),
  good("5.7", "two fragments, a ping between, frame by frame", "frames", ["ping payload"]),
  good("5.8", "two fragments, a ping between, octet by octet", 1, ["ping payload"]),
  ...[true, false].flatMap((fin, row) =>
    (["one", "frames", 1] as const).map((chop, at) =>
      bad(`5.${String(9 + row * 3 + at)}`, `a ${fin ? "final" : "first"} continuation of nothing, then a message, sent as ${String(chop)}`, chop, (peer) => [orphan(fin), peer.message(HELLO)]),
    ),
  ),
  bad("5.15", "a good message in two fragments, a continuation of nothing, another message", "one", (peer) => [...fragments(peer, 2), orphan(false), peer.message(HELLO)]),
  bad("5.16", "twice: a first continuation of nothing, then a good message in two fragments", "one", (peer) => twice(peer, false)),
  bad("5.17", "twice: a final continuation of nothing, then a good message in two fragments", "one", (peer) => twice(peer, true)),
  bad("5.18", "two fragments, both with the opcode of a text", "one", () => [{ opcode: OPCODE.text, fin: false, payload: "fragment1" }, { opcode: OPCODE.text, payload: "fragment2" }]),
  pingsBetween("5.19", "one"),
  pingsBetween("5.20", "frames"),
]);
