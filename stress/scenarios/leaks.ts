import { clientFrame, OPCODE } from "../../test/helpers/rawWebSocket.js";
import { ClingingClient, upgradeRequest } from "../clients/clingingClient.js";
import type { Scenario } from "../scenario.js";

const EACH = 10;
const text = (payload: string): Buffer => clientFrame({ opcode: OPCODE.text, payload });

/** What those say who never hang up. */
const PIECES: readonly { readonly says: readonly Buffer[]; readonly isHalfClosed?: boolean }[] = [
  // Refused an upgrade.
  { says: [upgradeRequest("/elsewhere")] },
  // Thrown out for nonsense, and for a token that is none.
  { says: [upgradeRequest(), text("no frame")] },
  { says: [upgradeRequest(), text('{"id":1,"connect":{"token":"none"}}')] },
  // Never signed in; and gone, as far as one can see.
  { says: [upgradeRequest()] },
  { says: [upgradeRequest()], isHalfClosed: true },
  // Answered a poll that asks for no other.
  { says: [Buffer.from("POST /v1/poll HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")] },
];

/** What would pile up. Every scenario is held to the same at its end, when its clients have left: see leaks/aftermath.ts. */
export const leakScenarios: readonly Scenario[] = [
  {
    name: "leaks: clients that were refused or thrown out never hang up, and every socket of theirs is freed all the same",
    fault: "never hangs up", transport: "both", history: "long", world: { nats: "single", connectors: 1, limits: { signInMs: 1_000 } },
    async run(world) {
      const [connector] = world.connectors;
      if (!connector) throw new Error("there must be a connector");
      const stayers = await world.joinMany(6, { channels: ["chat.a"], transport: "websocket" });
      const traffic = world.traffic({ channels: ["chat.a"], everyMs: 5 });
      await traffic.flow(50);
      const before = connector.countFds();
      const clinging = PIECES.flatMap(({ says, isHalfClosed }) => Array.from({ length: EACH }, () => new ClingingClient(connector.port, says, isHalfClosed)));
      world.onLeave(() => { for (const client of clinging) client.hangUp(); });
      await world.until(() => connector.countFds() >= before + EACH, "they came");
      // 1 s to sign in, 5 s to take the goodbye; one descriptor is of the question itself.
      await world.until(async () => (await connector.metric("halley_connector_websockets")) === stayers.length && connector.countFds() <= before + 1, "every socket of those who were refused was freed", 15_000);
      await traffic.flow(50);
      return undefined;
    },
  },
];
