// Groups 2 (pings and pongs), 3 (reserved bits) and 4 (opcodes) of the Autobahn test suite, by its case ids. Halley is no
// echo server: a message is a publish whose publication comes back. Where the suite sends a good message, a bad frame and a
// ping, the publication may come too late for the connection that is failed: Halley must have taken the message before, which
// a bystander sees (the suite calls this non-strict).
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { type ClientFrameParts, closePayload, OPCODE } from "../helpers/rawWebSocket.js";
import { WsClient } from "../helpers/wsClient.js";
import { type Case, type Chop, Peer } from "./peer.js";
import { runCases } from "./runCases.js";

const NOT_UTF8 = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
const PING = { opcode: OPCODE.ping } as const;
const ping = (payload: string | Buffer): ClientFrameParts => ({ opcode: OPCODE.ping, payload });
const pong = (payload: string | Buffer): ClientFrameParts => ({ opcode: OPCODE.pong, payload });

const answered = (id: string, what: string, payloads: readonly (string | Buffer)[], chop: Chop = "one"): Case => ({
  id,
  what,
  run: async (peer) => {
    await peer.send(payloads.map(ping), chop);
    await peer.pongs(...payloads);
    await peer.leaves();
  },
});
const ignored = (id: string, what: string, frame: ClientFrameParts): Case => ({
  id,
  what,
  run: async (peer) => {
    await peer.send([frame, { opcode: OPCODE.close, payload: closePayload(1000) }]);
    await peer.ends(1000);
    await peer.pongs();
  },
});

runCases("WebSocket conformance: pings and pongs", [
  answered("2.1", "a ping without payload", [""]),
  answered("2.2", "a ping with text", ["Hello, world!"]),
  answered("2.3", "a ping that is not UTF-8", [NOT_UTF8]),
  answered("2.4", "a ping of 125 octets", [Buffer.alloc(125, 0xfe)]),
  {
    id: "2.5",
    what: "a ping of 126 octets is refused",
    run: async (peer) => {
      await peer.send([ping(Buffer.alloc(126, 0xfe))]);
      await peer.ends(1002);
    },
  },
  answered("2.6", "a ping of 125 octets, octet by octet", [Buffer.alloc(125, 0xfe)], 1),
  ignored("2.7", "a pong that nobody asked for", { opcode: OPCODE.pong }),
  ignored("2.8", "a pong that nobody asked for, with payload", pong("unsolicited pong payload")),
  {
    id: "2.9",
    what: "such a pong, then a ping",
    run: async (peer) => {
      await peer.send([pong("unsolicited pong payload"), ping("ping payload")]);
      await peer.pongs("ping payload");
      await peer.leaves();
    },
  },
  answered("2.10", "ten pings", Array.from({ length: 10 }, (_, at) => `payload-${String(at)}`)),
  answered("2.11", "ten pings, octet by octet", Array.from({ length: 10 }, (_, at) => `payload-${String(at)}`), 1),
]);

/** A frame that must fail the connection at once. */
const refused = (id: string, what: string, frame: (peer: Peer) => ClientFrameParts): Case => ({
  id,
  what,
  run: async (peer) => {
    await peer.send([frame(peer)]);
    await peer.ends(1002);
  },
});

runCases("WebSocket conformance: frames that fail the connection", [
  refused("3.1", "a text with reserved bits 1", (peer) => ({ ...peer.message("x"), rsv: 1 })),
  refused("3.5", "a binary message with reserved bits 5", () => ({ opcode: OPCODE.binary, payload: NOT_UTF8, rsv: 5 })),
  // The suite's own case sends a binary message though its title says ping: both.
  refused("3.6", "a ping with reserved bits 6", () => ({ ...ping("Hello, world!"), rsv: 6 })),
  refused("3.6", "a binary message with reserved bits 6", () => ({ opcode: OPCODE.binary, payload: "Hello, world!", rsv: 6 })),
  refused("3.7", "a close with reserved bits 7", () => ({ opcode: OPCODE.close, rsv: 7 })),
  refused("4.1.1", "opcode 3", () => ({ opcode: 3 })),
  refused("4.1.2", "opcode 4 with payload", () => ({ opcode: 4, payload: "reserved opcode payload" })),
  refused("4.2.1", "opcode 11", () => ({ opcode: 11 })),
  refused("4.2.2", "opcode 12 with payload", () => ({ opcode: 12, payload: "reserved opcode payload" })),
]);

describe("WebSocket conformance: a message, a frame that fails the connection, a ping", () => {
  let installation: Installation;
  let bystander: WsClient;

  beforeAll(async () => {
    installation = await startInstallation();
    bystander = (await WsClient.connect(installation.connectors[0]!.port, "bystander")).client;
    await bystander.subscribe("live.c");
  });
  afterAll(async () => {
    bystander.cut();
    await installation.stop();
  });

  const CASES: readonly { readonly id: string; readonly what: string; readonly frame: (peer: Peer) => ClientFrameParts; readonly chop: Chop }[] = [
    { id: "3.2", what: "reserved bits 2", frame: (peer) => ({ ...peer.message("x"), rsv: 2 }), chop: "one" },
    { id: "3.3", what: "reserved bits 3", frame: (peer) => ({ ...peer.message("x"), rsv: 3 }), chop: "frames" },
    { id: "3.4", what: "reserved bits 4", frame: (peer) => ({ ...peer.message("x"), rsv: 4 }), chop: 1 },
    { id: "4.1.3", what: "opcode 5", frame: () => ({ opcode: 5 }), chop: "one" },
    { id: "4.1.4", what: "opcode 6 with payload", frame: (peer) => ({ ...peer.message("x"), opcode: 6 }), chop: "one" },
    { id: "4.1.5", what: "opcode 7 with payload", frame: (peer) => ({ ...peer.message("x"), opcode: 7 }), chop: 1 },
    { id: "4.2.3", what: "opcode 13", frame: () => ({ opcode: 13 }), chop: "one" },
    { id: "4.2.4", what: "opcode 14 with payload", frame: () => ({ opcode: 14, payload: "Hello, world!" }), chop: "one" },
    { id: "4.2.5", what: "opcode 15 with payload", frame: () => ({ opcode: 15, payload: "Hello, world!" }), chop: 1 },
  ];
  it.each(CASES)("$id $what", async ({ id, frame, chop }) => {
    const peer = await Peer.open(installation.connectors[0]!.port);
    await peer.send([peer.message(`before ${id}`), frame(peer), PING], chop);
    await peer.ends(1002);
    await peer.pongs();
    await eventually(() => bystander.publications("live.c").some(({ data }) => data === `before ${id}`));
  });
});
