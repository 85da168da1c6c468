import { ConfigError } from "../../lib/config/configError.js";

/** The problems of a configuration that is refused; none where it is taken. */
export async function problemsOf(read: () => unknown): Promise<readonly string[]> {
  try {
    await read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
