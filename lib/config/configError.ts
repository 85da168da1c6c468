/** A configuration that can't be used; `problems` lists everything that is wrong with it, a sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Adds what a ConfigError says to `problems`, so that others can be looked for; throws anything else again. */
export function keepProblems(error: unknown, problems: string[]): void {
  if (!(error instanceof ConfigError)) throw error;
  problems.push(...error.problems);
}
