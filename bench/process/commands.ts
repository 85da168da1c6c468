/** What a process of the bench can be asked, by name. */
export type Commands = Readonly<Record<string, (input: never) => unknown>>;

/** A question from the bench. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

/** Its answer. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** Why there is none. */
  readonly failure?: string;
}

/** Answers the bench's questions from now on, in a process that it has started; the process ends with the bench. */
export function serveCommands(commands: Commands): void {
  process.on("disconnect", () => process.exit(1));
  process.on("message", ({ id, name, input }: Question) => {
    answer(commands[name], input).then(
      (value) => { reply({ id, value }); },
      (error: unknown) => { reply({ id, failure: error instanceof Error ? error.message : String(error) }); },
    );
  });
}

async function answer(command: Commands[string] | undefined, input: unknown): Promise<unknown> {
  if (!command) throw new Error("this process has no such command");
  return await command(input as never);
}

function reply(message: Answer): void {
  process.send?.(message);
}
