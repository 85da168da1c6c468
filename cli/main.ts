import { Command } from "commander";
import { checkConfigCommand } from "./commands/checkConfig.js";
import { devCommand } from "./commands/dev.js";
import { onlineCommand } from "./commands/online.js";
import { publishCommand } from "./commands/publish.js";
import { serveCommand } from "./commands/serve.js";
import { statsCommand } from "./commands/stats.js";
import { subscribeCommand } from "./commands/subscribe.js";
import { tokenCommand } from "./commands/token.js";

const EXIT_CODES = `
Exit codes:
  0  done
  1  failed: one sentence on standard error says why
  2  the command line or the configuration can't be used

Settings come from HALLEY_* environment variables (docs/settings.md).`;

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command("halley")
    .description("Halley, a comet server: backends publish, browsers receive.")
    .addHelpText("after", EXIT_CODES);
  for (const command of [devCommand(), serveCommand(), publishCommand(), subscribeCommand(), onlineCommand(), statsCommand(), tokenCommand(), checkConfigCommand()]) program.addCommand(command);
  for (const command of [program, ...program.commands]) exitWithTwoOnUsage(command);
  return program;
}

/** Runs the command line of a process. */
export async function main(argv: readonly string[]): Promise<void> {
  await createProgram().parseAsync([...argv]);
}

function exitWithTwoOnUsage(command: Command): void {
  command.showHelpAfterError("(--help shows how)");
  command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  for (const child of command.commands) exitWithTwoOnUsage(child);
}
