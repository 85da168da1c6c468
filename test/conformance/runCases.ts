import { afterAll, beforeAll, describe, it } from "vitest";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { type Case, Peer } from "./peer.js";

/** Runs cases, each on a connection of its own, against one connector. */
export function runCases(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    let installation: Installation;

    beforeAll(async () => { installation = await startInstallation(); });
    afterAll(() => installation.stop());

    it.each(cases)("$id $what", async ({ run, isBinary }) => {
      const peer = await Peer.open(installation.connectors[0]!.port, isBinary);
      try {
        await run(peer);
      } finally {
        peer.raw.cut();
      }
    });
  });
}
