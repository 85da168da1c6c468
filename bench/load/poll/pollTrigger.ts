import { natsSocket, dial } from "../trigger.js";

/** Makes a server answer polls. */
export interface PollTrigger {
  /** A message to one poller alone. Leaves with `flush`. */
  toOne(poller: number, payload: string): void;
  /** A message to all. Leaves with `flush`. */
  toAll(payload: string): void;
  /** Writes what was gathered, in one piece. */
  flush(): void;
  close(): void;
}

/** Of a connector: publishes straight onto NATS. */
export async function natsPollTrigger(natsUrl: string, subjectOf: (poller: number) => string, subjectOfAll: string): Promise<PollTrigger> {
  const socket = await natsSocket(natsUrl);
  const gathered: string[] = [];
  const publish = (subject: string, payload: string): void => { gathered.push(`PUB ${subject} ${String(payload.length)}\r\n${payload}\r\n`); };
  return {
    toOne: (poller, payload) => { publish(subjectOf(poller), payload); },
    toAll: (payload) => { publish(subjectOfAll, payload); },
    flush: () => socket.write(gathered.splice(0).join("")),
    close: () => socket.destroy(),
  };
}

/** Of the floor: a line for each message on its control socket. */
export async function floorPollTrigger(controlPort: number): Promise<PollTrigger> {
  const socket = await dial(controlPort, "127.0.0.1");
  const gathered: string[] = [];
  return {
    toOne: (poller, payload) => { gathered.push(`${String(poller)} ${payload}\n`); },
    toAll: (payload) => { gathered.push(`* ${payload}\n`); },
    flush: () => socket.write(gathered.splice(0).join("")),
    close: () => socket.destroy(),
  };
}
