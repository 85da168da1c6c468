import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "./config/configError.js";
import { runUntilSignal } from "./lifecycle.js";

/** Where the process would have ended. */
class Exit extends Error {
  constructor(readonly code: unknown) {
    super(`exit ${String(code)}`);
  }
}

describe("a process that runs until a signal", () => {
  let listeners: readonly NodeJS.SignalsListener[];
  let told: string;

  beforeEach(() => {
    listeners = process.listeners("SIGTERM");
    told = "";
    vi.useFakeTimers();
    vi.spyOn(process, "exit").mockImplementation((code) => { throw new Exit(code); });
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      told += String(text);
      return true;
    });
  });
  afterEach(() => {
    for (const name of ["SIGTERM", "SIGINT"] as const) for (const one of process.listeners(name)) if (!listeners.includes(one)) process.removeListener(name, one);
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** Starts, is told to end, then does something else; gives the exit code. */
  const startThenSignal = (then: (signal: AbortSignal) => unknown): Promise<unknown> =>
    runUntilSignal(async (signal) => {
      process.emit("SIGTERM");
      await Promise.resolve();
      await Promise.resolve();
      expect(signal.aborted).toBe(true);
      throw then(signal);
    }).catch((error: unknown) => (error instanceof Exit ? error.code : error));

  it("exits with 0 where the signal ended the start", async () => {
    expect([await startThenSignal(({ reason }) => reason as unknown), told]).toEqual([0, ""]);
  });

  it.each([[1, new Error("no disk")], [2, new ConfigError(["no disk"])]])("exits with %s where the start failed of something else meanwhile, and says it", async (code, error) => {
    expect([await startThenSignal(() => error), told]).toEqual([code, "halley: no disk\n"]);
  });
});
