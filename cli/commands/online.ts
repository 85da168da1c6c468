import { Command } from "commander";
import { readAddress } from "../arguments.js";
import type { DynamicClient, DynamicMessage } from "../grpc.js";
import { action, print, printTable } from "../output.js";
import { type PresenceOptions, timeText, withPresence } from "../presenceClient.js";

interface Options extends PresenceOptions {
  readonly channel?: string;
  readonly watch?: true;
  readonly json?: true;
}

const PAGE_SIZE = 1_000;

/** `halley online`. */
export function onlineCommand(): Command {
  return new Command("online")
    .summary("show who is online")
    .description("Shows the online users, or whether given users are online, or who is in a channel.")
    .argument("[user...]", "only these users, online or not")
    .option("--channel <channel>", "the members of this channel instead (its namespace must have presence on)")
    .option("--watch", "go on with who comes and who leaves, a line of JSON each, until Ctrl-C")
    .option("--address <host:port>", "the presence service (default: 127.0.0.1 and HALLEY_PRESENCE_PORT)", readAddress)
    .option("--api-key <key>", "default: the first of HALLEY_API_KEYS, or that of a running halley dev")
    .option("--json", "print each as a line of JSON")
    .addHelpText("after", "\nExamples:\n  halley online\n  halley online ada 'auth0|123'\n  halley online --channel chat.lobby --watch")
    .action(
      action(async (users: readonly string[], options: Options, command: Command) => {
        if (users.length > 0 && options.channel !== undefined && !options.watch) command.error("error: users and --channel go together with --watch only", { exitCode: 2 });
        await withPresence(options, async (client) => {
          if (options.watch) await watch(client, users, options);
          else await list(client, users, options);
        });
      }),
    );
}

async function watch(client: DynamicClient, users: readonly string[], { channel = "" }: Options): Promise<void> {
  process.once("SIGINT", () => process.exit(0));
  for await (const message of client.watch("watchPresence", { userIds: users, channel })) {
    const what = String(message["event"]);
    const user = message[what] as DynamicMessage | undefined;
    if (user?.["userId"] !== undefined) print(JSON.stringify({ event: what, ...shown(user) }));
  }
}

async function list(client: DynamicClient, users: readonly string[], { channel, json }: Options): Promise<void> {
  const rows: string[][] = [];
  for await (const user of usersOf(client, users, channel)) {
    if (json) print(JSON.stringify(shown(user)));
    else rows.push([String(user["userId"]), user["online"] === false ? "offline" : "online", String(user["sessions"]), timeText(user["onlineSince"]), timeText(user["lastSeen"])]);
  }
  if (json) return;
  if (rows.length === 0) print("nobody");
  else printTable([["user", "state", "sessions", "online since", "last seen"], ...rows]);
}

async function* usersOf(client: DynamicClient, users: readonly string[], channel: string | undefined): AsyncGenerator<DynamicMessage> {
  if (users.length > 0) {
    yield* messagesOf((await client.call("getUsers", { userIds: users }))["users"]);
    return;
  }
  let pageToken = "";
  do {
    const page = channel === undefined
      ? await client.call("listOnlineUsers", { pageSize: PAGE_SIZE, pageToken })
      : await client.call("listChannelMembers", { channel, pageSize: PAGE_SIZE, pageToken });
    yield* messagesOf(channel === undefined ? page["users"] : page["members"]);
    pageToken = String(page["nextPageToken"]);
  } while (pageToken !== "");
}

function messagesOf(list: unknown): readonly DynamicMessage[] {
  return list as readonly DynamicMessage[];
}

/** A user for programs: times as text, absent ones left out. */
function shown({ onlineSince, lastSeen, ...rest }: DynamicMessage): DynamicMessage {
  const times = Object.entries({ onlineSince: timeText(onlineSince), lastSeen: timeText(lastSeen) });
  return { ...rest, ...Object.fromEntries(times.filter(([, text]) => text !== "")) };
}
