import { clientSettings } from "./clientSettings.js";
import { DynamicClient } from "./grpc.js";

/** Options of every command that asks the presence service. */
export interface PresenceOptions {
  readonly address?: string;
  readonly apiKey?: string;
}

/** Runs `use` with a client of the presence service, and closes it. */
export async function withPresence(options: PresenceOptions, use: (client: DynamicClient) => Promise<void>): Promise<void> {
  const settings = clientSettings(process.env);
  const client = new DynamicClient({
    service: "PresenceService",
    file: "presence.proto",
    address: options.address ?? `127.0.0.1:${String(settings.HALLEY_PRESENCE_PORT)}`,
    apiKey: options.apiKey ?? settings.HALLEY_API_KEYS[0] ?? "",
  });
  try {
    await use(client);
  } finally {
    client.close();
  }
}

/** A google.protobuf.Timestamp as proto-loader gives it, as ISO 8601 with milliseconds; empty when absent. */
export function timeText(timestamp: unknown): string {
  if (timestamp === null || timestamp === undefined) return "";
  const { seconds, nanos } = timestamp as { readonly seconds: string; readonly nanos: number };
  return new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)).toISOString();
}
