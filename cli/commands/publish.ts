import { Command, InvalidArgumentError } from "commander";
import { text } from "node:stream/consumers";
import { readAddress, readUser } from "../arguments.js";
import { clientSettings } from "../clientSettings.js";
import { DynamicClient, type DynamicMessage } from "../grpc.js";
import { action, print } from "../output.js";

interface Options {
  readonly user?: string;
  readonly everyone?: true;
  readonly type?: string;
  readonly key?: string;
  readonly tag: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly apiKey?: string;
  readonly json?: true;
}

/** `halley publish`. */
export function publishCommand(): Command {
  return new Command("publish")
    .summary("publish one message through the publish service")
    .description("Publishes one message and prints its position. The JSON text comes last; - reads it from standard input.")
    .argument("[channel]", "the channel; left out with --user or --everyone")
    .argument("[message]", "the JSON text, or -")
    .option("--user <id>", "to this user, wherever signed in, instead of a channel", readUser)
    .option("--everyone", "to everyone who is signed in, instead of a channel")
    .option("--type <name>", "full name of the message's protobuf type, or an event's name")
    .option("--key <key>", "idempotency key: the same key again is not stored twice")
    .option("--tag <name=value>", "label that reaches the subscribers; may be given again", addTag, {})
    .option("--address <host:port>", "the publish service (default: 127.0.0.1 and HALLEY_PUBLISH_PORT)", readAddress)
    .option("--api-key <key>", "default: the first of HALLEY_API_KEYS, or that of a running halley dev")
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      `
Examples:
  halley publish chat.lobby '{"text":"hi"}'
  halley publish chat.lobby '{"text":"hi"}' --type demo.v1.ChatMessage --key greeting-1
  halley publish --user ada@example.org '{"note":"your order has been sent"}'
  echo '{"sale":true}' | halley publish --everyone -`,
    )
    .action(action(publish));
}

async function publish(first: string | undefined, second: string | undefined, options: Options, command: Command): Promise<void> {
  const { target, given } = readTarget([first, second].filter((one) => one !== undefined), options, command);
  const json = given === "-" ? await text(process.stdin) : given;
  const settings = clientSettings(process.env);
  const client = new DynamicClient({
    service: "PublishService",
    file: "publish.proto",
    address: options.address ?? `127.0.0.1:${String(settings.HALLEY_PUBLISH_PORT)}`,
    apiKey: options.apiKey ?? settings.HALLEY_API_KEYS[0] ?? "",
  });
  try {
    const message = { type: options.type ?? "", json, key: options.key ?? "", tags: options.tag };
    printAnswer(await client.call("publish", { ...target, message }), options.json === true);
  } finally {
    client.close();
  }
}

function readTarget(positionals: readonly string[], { user, everyone }: Options, command: Command): { target: DynamicMessage; given: string } {
  const [first, second] = positionals;
  const named = user !== undefined || everyone === true;
  if (user !== undefined && everyone === true) return command.error("error: --user and --everyone exclude each other", { exitCode: 2 });
  const given = named ? first : second;
  if (first === undefined || given === undefined || (named && second !== undefined)) {
    const form = named ? "with --user or --everyone only the message is given" : "give a channel and a message, or --user or --everyone and a message";
    return command.error(`error: ${form}; halley publish --help shows examples`, { exitCode: 2 });
  }
  const target = user !== undefined ? { userId: user } : everyone === true ? { everyone: true } : { channel: first };
  return { target, given };
}

function printAnswer({ position, duplicate }: DynamicMessage, asJson: boolean): void {
  const place = position as { readonly offset: string; readonly epoch: string } | null;
  if (asJson) print(JSON.stringify({ ...(place && { position: { offset: Number(place.offset), epoch: place.epoch } }), duplicate }));
  else if (!place) print("published; the channel has no history");
  else print(`${duplicate === true ? "duplicate of" : "published at"} ${place.offset}:${place.epoch}`);
}

function addTag(given: string, tags: Readonly<Record<string, string>>): Record<string, string> {
  const equals = given.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("write name=value");
  return { ...tags, [given.slice(0, equals)]: given.slice(equals + 1) };
}
