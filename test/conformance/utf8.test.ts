// Group 6 (UTF-8 handling) of the Autobahn test suite, by its case ids. Halley is no echo server: a valid sequence stands in
// the JSON string of a publish, and comes back in its publication. What differs:
// | case | here |
// | 6.1.1, 6.1.2 | an empty message holds no frame: nothing answers it, and the connection goes on |
// | 6.4.* | the text is judged when it is whole, not octet by octet: non-strict, as the suite calls it |
// | 6.7.1 | U+0000 is valid UTF-8 and no JSON: closed with 3503, not with 1007 |
import { OPCODE } from "../helpers/rawWebSocket.js";
import type { Case, Peer } from "./peer.js";
import { runCases } from "./runCases.js";
import { UTF8_GROUPS } from "./utf8Sequences.js";

const GREEK = Buffer.from("κόσμε");
const HELLO = "Hello-µ@ßöäüàá-UTF-8!!";
const EDITED = "edited";

/** A message in frames that end after so many octets each. */
async function sendIn(peer: Peer, payload: Buffer, ends: readonly number[]): Promise<void> {
  const starts = [0, ...ends];
  await peer.send(starts.map((start, at) => ({ opcode: at === 0 ? OPCODE.text : OPCODE.continuation, fin: at === ends.length, payload: payload.subarray(start, starts[at + 1]) })));
}

const octets = (payload: Buffer): number[] => Array.from({ length: payload.length - 1 }, (_, at) => at + 1);

const taken = (id: string, what: string, text: string, ends: (payload: Buffer) => readonly number[]): Case => ({
  id,
  what,
  run: async (peer) => {
    const payload = peer.payload(text);
    await sendIn(peer, payload, ends(payload));
    await peer.echoes(text);
    await peer.leaves();
  },
});

const empty = (id: string, frames: number): Case => ({
  id,
  what: `an empty message in ${String(frames)} frames`,
  run: async (peer) => {
    await sendIn(peer, Buffer.alloc(0), Array.from({ length: frames - 1 }, () => 0));
    await peer.lives();
    await peer.leaves();
  },
});

const refused = (id: string, what: string, sequence: Buffer, ends: (payload: Buffer) => readonly number[]): Case => ({
  id,
  what,
  run: async (peer) => {
    const payload = peer.payload(Buffer.concat([GREEK, sequence, Buffer.from(EDITED)]));
    await sendIn(peer, payload, ends(payload));
    await peer.ends(1007);
  },
});

const OUT_OF_RANGE = Buffer.from([0xf4, 0x90, 0x80, 0x80]);

/** In three pieces; the first two end at `ends`. The connection may be failed with the second; with the third it must be. */
const inPieces = (id: string, what: string, how: "frames" | "chops", ends: (start: number) => readonly [number, number]): Case => ({
  id,
  what,
  run: async (peer) => {
    const payload = peer.payload(Buffer.concat([GREEK, OUT_OF_RANGE, Buffer.from(EDITED)]));
    const [first, second] = ends(payload.indexOf(OUT_OF_RANGE));
    if (how === "frames") await sendIn(peer, payload, [first, second]);
    else {
      await peer.send([{ opcode: OPCODE.text, length: payload.length, payload: payload.subarray(0, first) }]);
      await peer.raw.write(payload.subarray(first, second));
      await peer.raw.write(payload.subarray(second));
    }
    await peer.ends(1007);
  },
});

runCases("WebSocket conformance: UTF-8", [
  empty("6.1.1", 1),
  empty("6.1.2", 3),
  taken("6.1.3", "a message in the second of three frames, the others empty", "middle frame payload", (payload) => [0, payload.length]),
  taken("6.2.1", "valid, in one frame", HELLO, () => []),
  taken("6.2.2", "valid, in two frames", HELLO, (payload) => [payload.indexOf("ü")]),
  taken("6.2.3", "valid, a frame for each octet", HELLO, octets),
  taken("6.2.4", "valid and Greek, a frame for each octet", GREEK.toString("utf8"), octets),
  refused("6.3.1", "a surrogate, in one frame", Buffer.from([0xed, 0xa0, 0x80]), () => []),
  refused("6.3.2", "a surrogate, a frame for each octet", Buffer.from([0xed, 0xa0, 0x80]), octets),
  inPieces("6.4.1", "out of range, in three frames", "frames", (start) => [start, start + 4]),
  inPieces("6.4.2", "out of range, the second frame ends with the octet that is wrong", "frames", (start) => [start + 1, start + 2]),
  inPieces("6.4.3", "out of range, in three pieces of one frame", "chops", (start) => [start, start + 4]),
  inPieces("6.4.4", "out of range, the second piece ends with the octet that is wrong", "chops", (start) => [start + 1, start + 2]),
  ...UTF8_GROUPS.flatMap(({ what, sequences }, group) =>
    sequences.map(({ hex, isValid }, at): Case => ({
      id: `6.${String(5 + group)}.${String(at + 1)}`,
      what: `${what}: ${hex}`,
      run: async (peer) => {
        const bytes = Buffer.from(hex, "hex");
        await peer.send([peer.message(bytes)]);
        if (!isValid) await peer.ends(1007);
        else if (bytes.includes(0)) await peer.ends(3503);
        else {
          await peer.echoes(bytes.toString("utf8"));
          await peer.leaves();
        }
      },
    })),
  ),
]);
