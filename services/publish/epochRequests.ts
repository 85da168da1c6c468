import type { Bus, BusMessage, BusSubscription } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import type { Log } from "../../lib/log.js";
import type { Histories } from "./histories.js";

/** One of all publish services answers each request. */
const QUEUE = "halley-publish";

/**
 * Answers `halley.epoch.<namespace>`: a connector has seen that an epoch no longer holds. The request is that epoch in UTF-8
 * (empty: whichever it is), the answer `{"epoch":"<the one that holds now>"}` or `{"error":"<why not>"}`.
 */
export function answerEpochRequests(bus: Bus, histories: Histories, log: Log): BusSubscription {
  const answer = async (message: BusMessage): Promise<void> => {
    const namespace = message.subject.split(".")[2] ?? "";
    try {
      const epoch = await histories.raise(namespace, Buffer.from(message.data).toString("utf8"));
      message.respond(Buffer.from(JSON.stringify({ epoch })));
    } catch (error) {
      log.warn({ err: error, namespace }, "an epoch could not be raised");
      message.respond(Buffer.from(JSON.stringify({ error: error instanceof Error ? error.message : String(error) })));
    }
  };
  return bus.subscribe(
    subjects.raiseEpochAll,
    (message) => { answer(message).catch((error: unknown) => { log.warn({ err: error }, "an epoch request could not be answered"); }); },
    { queue: QUEUE },
  );
}
