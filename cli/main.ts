import { Command } from "commander";

/** Each command with its code, which is loaded when it is needed: a publish need not load a server. In the order of the help. */
const COMMANDS = {
  dev: async () => (await import("./commands/dev.js")).devCommand(),
  serve: async () => (await import("./commands/serve.js")).serveCommand(),
  publish: async () => (await import("./commands/publish.js")).publishCommand(),
  subscribe: async () => (await import("./commands/subscribe.js")).subscribeCommand(),
  online: async () => (await import("./commands/online.js")).onlineCommand(),
  stats: async () => (await import("./commands/stats.js")).statsCommand(),
  token: async () => (await import("./commands/token.js")).tokenCommand(),
  "check-config": async () => (await import("./commands/checkConfig.js")).checkConfigCommand(),
} as const;

const EXIT_CODES = `
Exit codes:
  0  done
  1  failed: one sentence on standard error says why
  2  the command line or the configuration can't be used

Settings come from HALLEY_* environment variables (docs/settings.md).`;

/** The command line: of one command where `name` is one, else the whole. */
async function createProgram(name: string | undefined): Promise<Command> {
  const program = new Command("halley")
    .description("Halley, a comet server: backends publish, browsers receive.")
    .addHelpText("after", EXIT_CODES);
  const wanted = Object.entries(COMMANDS).filter(([known]) => known === name);
  const loading = (wanted.length > 0 ? wanted : Object.entries(COMMANDS)).map(([, load]) => load());
  for (const command of await Promise.all(loading)) program.addCommand(command);
  for (const command of [program, ...program.commands]) exitWithTwoOnUsage(command);
  return program;
}

/** Runs the command line of a process. */
export async function main(argv: readonly string[]): Promise<void> {
  await (await createProgram(argv[2])).parseAsync([...argv]);
}

function exitWithTwoOnUsage(command: Command): void {
  command.showHelpAfterError("(--help shows how)");
  command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  for (const child of command.commands) exitWithTwoOnUsage(child);
}
