import { Command, InvalidArgumentError } from "commander";
import { signToken } from "../../lib/signToken.js";
import { readUser, readWebSocketUrl } from "../arguments.js";
import { clientSettings } from "../clientSettings.js";
import { action, print, remark } from "../output.js";
import { Subscriber } from "../subscriber.js";
import type { WirePosition } from "../wireFrame.js";

interface Options {
  readonly user: string;
  readonly token?: string;
  readonly since?: WirePosition;
  readonly count?: number;
  readonly url?: string;
}

const TOKEN_LIFETIME_MS = 3_600_000;

/** `halley subscribe`. */
export function subscribeCommand(): Command {
  return new Command("subscribe")
    .summary("print what is published in channels")
    .description("Subscribes like a browser and prints each publication as a line of JSON. Comes back after a cut and goes on where it was. Ctrl-C ends it.")
    .argument("<channel...>", "channels; user.<id> and all are those of the signed-in user")
    .option("--user <id>", "sign in as this user", readUser, "cli")
    .option("--token <jwt>", "sign in with this token instead of signing one with HALLEY_JWT_SECRET")
    .option("--since <offset:epoch>", "begin after this position instead of now", readPosition)
    .option("--count <n>", "end after so many publications", readCount)
    .option("--url <url>", "the connector (default: ws://127.0.0.1, HALLEY_CONNECTOR_PORT, /v1/websocket)", readWebSocketUrl)
    .addHelpText(
      "after",
      `
Examples:
  halley subscribe chat.lobby news
  halley subscribe chat.lobby --since 1204:mxKzO2gU6JbC --count 10
  halley subscribe user.ada --user ada

Remarks (positions, cuts) go to standard error.`,
    )
    .action(action(subscribe));
}

async function subscribe(channels: readonly string[], { user, token, since, count, url }: Options): Promise<void> {
  const settings = clientSettings(process.env);
  let left = count ?? Infinity;
  const subscriber = new Subscriber({
    url: url ?? `ws://127.0.0.1:${String(settings.HALLEY_CONNECTOR_PORT)}/v1/websocket`,
    channels: [...new Set(channels)],
    since,
    token: async () => token ?? (await signToken(settings.HALLEY_JWT_SECRET ?? "", { userId: user, nowMs: Date.now(), lifetimeMs: TOKEN_LIFETIME_MS })).token,
    onPublication: (publication) => {
      if (left <= 0) return;
      left -= 1;
      print(JSON.stringify(publication));
      if (left === 0) subscriber.stop();
    },
    onRemark: remark,
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => { subscriber.stop(); });
  await subscriber.run();
}

function readPosition(text: string): WirePosition {
  const match = /^(\d{1,16}):(.+)$/.exec(text);
  if (!match || !Number.isSafeInteger(Number(match[1]))) throw new InvalidArgumentError("Write offset:epoch, as publish and subscribe print it.");
  return { offset: Number(match[1]), epoch: match[2] ?? "" };
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Write a number from 1.");
  return Number(text);
}
