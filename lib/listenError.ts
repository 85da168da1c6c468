/**
 * Says in one sentence why a port can't be listened on; `setting` is the environment variable that chooses it. Takes errors
 * of `net` as well as those of grpc-js, which hold the code in their text only.
 */
export function listenError(error: unknown, { host, port, setting }: { host: string; port: number; setting: string }): Error {
  const text = error instanceof Error ? error.message : String(error);
  const where = `port ${String(port)} on ${host}`;
  if (text.includes("EADDRINUSE")) return new Error(`${where} is in use: stop what listens there, or set ${setting}`, { cause: error });
  if (text.includes("EACCES")) return new Error(`${where} needs more rights: set ${setting} to a port above 1023`, { cause: error });
  if (text.includes("EADDRNOTAVAIL")) return new Error(`${host} is not an address of this machine: set HALLEY_HOST`, { cause: error });
  return new Error(`${where} can't be listened on: ${text}`, { cause: error });
}
