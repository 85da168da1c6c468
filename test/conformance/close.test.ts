// Group 7 (close handling) of the Autobahn test suite, by its case ids: all of it. What differs:
// | case | here |
// | 7.1.6 | a message of 256 KiB is as large as a client's may be; the message behind it is taken before the close, as a bystander sees |
// | 7.13.1, 7.13.2 | undefined by the RFC; Halley refuses both codes with 1002 |
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { type ClientFrameParts, closePayload, OPCODE } from "../helpers/rawWebSocket.js";
import { WsClient } from "../helpers/wsClient.js";
import { type Case, Peer } from "./peer.js";
import { runCases } from "./runCases.js";

const close = (payload: string | Buffer): ClientFrameParts => ({ opcode: OPCODE.close, payload });
const GOODBYE = close(closePayload(1000));

/** What is sent, and the code of the answer; nothing else comes. */
const answered = (id: string, what: string, frames: readonly ClientFrameParts[], code: number): Case => ({
  id,
  what,
  run: async (peer) => {
    const before = peer.raw.messages.length;
    await peer.send(frames);
    await peer.ends(code);
    expect(peer.raw.messages).toHaveLength(before + 1);
  },
});

const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

runCases("WebSocket conformance: close", [
  {
    id: "7.1.1",
    what: "a message, then a close",
    run: async (peer) => {
      await peer.send([peer.message("Hello World!")]);
      await peer.echoes("Hello World!");
      await peer.leaves();
    },
  },
  answered("7.1.2", "two closes", [GOODBYE, close("")], 1000),
  answered("7.1.3", "a ping after the close", [GOODBYE, { opcode: OPCODE.ping }], 1000),
  answered("7.1.4", "a message after the close", [GOODBYE, { opcode: OPCODE.text, payload: "Hello World!" }], 1000),
  answered("7.1.5", "a fragment, a close, a fragment", [{ opcode: OPCODE.text, fin: false, payload: "fragment1" }, GOODBYE, { opcode: OPCODE.continuation, payload: "fragment2" }], 1000),
  answered("7.3.1", "without payload", [close("")], 1005),
  answered("7.3.2", "with a payload of one octet", [close("a")], 1002),
  answered("7.3.3", "with a code", [GOODBYE], 1000),
  answered("7.3.4", "with a code and a reason", [close(closePayload(1000, "Hello World!"))], 1000),
  answered("7.3.5", "with the longest reason", [close(closePayload(1000, "*".repeat(123)))], 1000),
  answered("7.3.6", "with a reason that is too long", [close(closePayload(1000, "*".repeat(124)))], 1002),
  answered("7.5.1", "with a reason that is not UTF-8", [close(closePayload(1000, Buffer.from("cebae1bdb9cf83cebcceb5eda080656469746564", "hex")))], 1007),
  ...VALID.map((code, at) => answered(`7.7.${String(at + 1)}`, `with the code ${String(code)}`, [close(closePayload(code))], code)),
  ...INVALID.map((code, at) => answered(`7.9.${String(at + 1)}`, `with the code ${String(code)}, which is none`, [close(closePayload(code))], 1002)),
  answered("7.13.1", "with the code 5000", [close(closePayload(5_000))], 1002),
  answered("7.13.2", "with the code 65535", [close(closePayload(65_535))], 1002),
]);

describe("WebSocket conformance: a close behind much", () => {
  let installation: Installation;

  beforeAll(async () => { installation = await startInstallation(); });
  afterAll(() => installation.stop());

  it("7.1.6 a message of 256 KiB, another one, a close, a ping", async () => {
    const { client: bystander } = await WsClient.connect(installation.connectors[0]!.port, "bystander");
    await bystander.subscribe("live.c");
    const peer = await Peer.open(installation.connectors[0]!.port);
    await peer.send([peer.message(peer.textOf(256 * 1_024)), peer.message("Hello World!"), GOODBYE, { opcode: OPCODE.ping }]);
    await peer.ends(1000);
    await peer.pongs();
    await eventually(() => bystander.publications("live.c").length === 2);
    bystander.cut();
  });
});
