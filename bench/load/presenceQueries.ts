// A process: asks presence who is online, at fixed moments, and checks every answer.
import { status, type ServiceError } from "@grpc/grpc-js";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicUs } from "../monotonic.js";
import { serveCommands } from "../process/commands.js";
import { type Latencies, LatencyLog } from "./latencyLog.js";
import { DEADLINE_MS, PresenceClient } from "./presence/presenceClient.js";

/** What to ask, and how often. */
export interface QueryOptions {
  /** Asked in turn: users who are online, and users who are not. */
  readonly questions: readonly { readonly online: readonly string[]; readonly offline: readonly string[] }[];
  readonly perSecond: number;
  readonly forMs: number;
}

/** How they were answered. */
export interface Answered extends Latencies {
  /** Questions without an answer within 20 s, or refused because the replica was not ready: they count as 20 s. */
  readonly unanswered: number;
}

const NOT_ANSWERED: readonly unknown[] = [status.DEADLINE_EXCEEDED, status.UNAVAILABLE];
const LEAD_US = 100_000;
let present: PresenceClient | undefined;

function start({ port, apiKey }: { readonly port: number; readonly apiKey: string }): void {
  present = new PresenceClient(port, apiKey);
}

async function ask(client: PresenceClient, { online, offline }: QueryOptions["questions"][number], onAnswer: () => void): Promise<void> {
  const users = await client.users([...online, ...offline], onAnswer);
  const wrong = users.findIndex((user, index) => user.online !== index < online.length || user.userId !== (online[index] ?? offline[index - online.length]));
  if (users.length !== online.length + offline.length || wrong !== -1) throw new Error(`presence said something false: ${JSON.stringify(users[wrong])}, number ${String(wrong)}`);
}

/** Latencies count from when a question was to be asked: one that waits for another counts too. Throws when an answer is wrong. */
async function query({ questions, perSecond, forMs }: QueryOptions): Promise<Answered> {
  const client = present;
  if (!client) throw new Error("not started");
  const total = Math.floor((forMs / 1_000) * perSecond);
  const log = new LatencyLog(0, total);
  const startUs = monotonicUs() + LEAD_US;
  const answers: Promise<void>[] = [];
  let failure: unknown;
  let unanswered = 0;
  const onFailure = (error: unknown): void => {
    if (error instanceof Error && NOT_ANSWERED.includes((error as Partial<ServiceError>).code)) {
      unanswered += 1;
      log.add(DEADLINE_MS * 1_000);
    } else {
      failure ??= error;
    }
  };
  while (answers.length < total && failure === undefined) {
    for (let dueUs = startUs + (answers.length * 1e6) / perSecond; dueUs <= monotonicUs() && answers.length < total; dueUs = startUs + (answers.length * 1e6) / perSecond) {
      const question = questions[answers.length % questions.length];
      if (!question) throw new Error("there is nothing to ask");
      answers.push(ask(client, question, () => { log.add(monotonicUs() - dueUs); }).catch(onFailure));
    }
    await pause(1);
  }
  await Promise.all(answers);
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error("a question failed");
  return { ...log.summary(), unanswered };
}

const commands = { start, query };
/** What the asker can be asked. */
export type PresenceQueriesCommands = typeof commands;

serveCommands(commands);
