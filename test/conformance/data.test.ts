// Groups 1 (framing) and 10 (auto-fragmentation) of the Autobahn test suite, by its case ids. Halley is no echo server: a
// message is a publish whose publication comes back, padded so that the frame has the length of the case. What differs:
// | case | here |
// | 1.1.1, 1.2.1 | an empty message holds no frame: nothing answers it, and the connection goes on |
// | 1.2.* | the payload is a ClientFrame of that length, for octets that are none are refused (3503) |
// | 10.1.1 | the message comes back whole; Halley never fragments what it sends |
import { OPCODE } from "../helpers/rawWebSocket.js";
import type { Case, Chop } from "./peer.js";
import { runCases } from "./runCases.js";

const empty = (id: string, isBinary: boolean): Case => ({
  id,
  isBinary,
  what: "an empty message is taken",
  run: async (peer) => {
    await peer.send([{ opcode: isBinary ? OPCODE.binary : OPCODE.text }]);
    await peer.lives();
    await peer.leaves();
  },
});

const ofLength = (id: string, isBinary: boolean, length: number, chop: Chop = "one"): Case => ({
  id,
  isBinary,
  what: `a message of ${String(length)} octets${chop === "one" ? "" : `, in pieces of ${String(chop)}`}`,
  run: async (peer) => {
    const text = peer.textOf(length);
    await peer.send([peer.message(text)], chop);
    await peer.echoes(text);
    await peer.leaves();
  },
});

const LENGTHS: readonly (readonly [number, Chop?])[] = [[125], [126], [127], [128], [65_535], [65_536], [65_536, 997]];

runCases("WebSocket conformance: framing", [
  ...[false, true].flatMap((isBinary) => {
    const group = isBinary ? "1.2" : "1.1";
    return [empty(`${group}.1`, isBinary), ...LENGTHS.map(([length, chop], at) => ofLength(`${group}.${String(at + 2)}`, isBinary, length, chop))];
  }),
  {
    id: "10.1.1",
    what: "a message of 65,536 octets in fragments of 1,300",
    run: async (peer) => {
      const text = peer.textOf(65_536);
      const payload = peer.payload(text);
      const starts = Array.from({ length: Math.ceil(payload.length / 1_300) }, (_, at) => at * 1_300);
      await peer.send(starts.map((start) => ({ opcode: start === 0 ? OPCODE.text : OPCODE.continuation, fin: start + 1_300 >= payload.length, payload: payload.subarray(start, start + 1_300) })));
      await peer.echoes(text);
      await peer.leaves();
    },
  },
]);
