import { Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "../../lib/config/size.js";
import { signToken } from "../../lib/signToken.js";
import { readUser } from "../arguments.js";
import { clientSettings } from "../clientSettings.js";
import { action, print } from "../output.js";

/** `halley token`. */
export function tokenCommand(): Command {
  return new Command("token")
    .summary("sign a token that lets a browser in")
    .description("Prints a JWT (HS256, signed with HALLEY_JWT_SECRET, or the secret of a running halley dev) whose `sub` is the user id.")
    .argument("<user>", "the user id", readUser)
    .option("--expires <duration>", "how long it is valid: 30s, 10m, 1h, 7d", checkDuration, 3_600_000)
    .addHelpText("after", "\nExamples:\n  halley token ada\n  halley token 'auth0|123' --expires 10m")
    .action(
      action(async (user: string, { expires }: { expires: number }) => {
        const { token } = await signToken(clientSettings(process.env).HALLEY_JWT_SECRET ?? "", { userId: user, nowMs: Date.now(), lifetimeMs: expires });
        print(token);
      }),
    );
}

function checkDuration(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined || durationMs < 1_000) throw new InvalidArgumentError("Write a duration of at least a second, like 30s, 10m or 1h.");
  return durationMs;
}
