import { createInbox, type NatsConnection } from "nats";

/** A stream as `nats stream backup` has it: its configuration and state, and everything in pieces. */
export interface StreamBackup {
  readonly config: { readonly name: string };
  readonly state: object;
  readonly pieces: readonly Uint8Array[];
}

interface Answer {
  readonly config?: StreamBackup["config"];
  readonly state?: object;
  readonly deliver_subject?: string;
  readonly error?: { readonly description: string };
}

const ANSWER_MS = 10_000;
const PIECE_BYTES = 64 * 1024;
const NOTHING = new Uint8Array();

/** Has JetStream send everything that a stream holds. Throws what JetStream has against it, and when no piece comes for 10 s. */
export async function backUp(connection: NatsConnection, stream: string): Promise<StreamBackup> {
  const sent = connection.subscribe(createInbox());
  const { config, state, error } = await ask(connection, `STREAM.SNAPSHOT.${stream}`, { deliver_subject: sent.getSubject(), no_consumers: true, chunk_size: PIECE_BYTES });
  if (error || !config || !state) throw new Error(`${stream} can't be backed up: ${error?.description ?? "no state"}`);
  const pieces: Uint8Array[] = [];
  const silence = setTimeout(() => { sent.unsubscribe(); }, ANSWER_MS);
  try {
    for await (const message of sent) {
      if (message.data.length === 0) return { config, state, pieces };
      pieces.push(message.data);
      // It sends no more than a window's worth of pieces that nobody has taken.
      message.respond(NOTHING);
      silence.refresh();
    }
  } finally {
    clearTimeout(silence);
    sent.unsubscribe();
  }
  throw new Error(`the back-up of ${stream} ended in the middle`);
}

/** Makes the stream again from its back-up, where there is none of its name. Throws what JetStream has against it. */
export async function restore(connection: NatsConnection, { config, state, pieces }: StreamBackup): Promise<void> {
  const { deliver_subject: subject, error } = await ask(connection, `STREAM.RESTORE.${config.name}`, { config, state });
  if (error || subject === undefined) throw new Error(`${config.name} can't be restored: ${error?.description ?? "nowhere to send it"}`);
  for (const piece of pieces) await connection.request(subject, piece, { timeout: ANSWER_MS });
  const { error: atTheEnd } = (await connection.request(subject, NOTHING, { timeout: ANSWER_MS })).json<Answer>();
  if (atTheEnd) throw new Error(`${config.name} was not restored: ${atTheEnd.description}`);
}

async function ask(connection: NatsConnection, call: string, body: object): Promise<Answer> {
  return (await connection.request(`$JS.API.${call}`, JSON.stringify(body), { timeout: ANSWER_MS })).json<Answer>();
}
