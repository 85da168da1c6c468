const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads `512KiB`, `1GiB`, `100B` as bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTES);
}

/** Reads `500ms`, `30s`, `10m`, `1h`, `7d` as milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text, MILLISECONDS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = units[match?.[2] ?? ""];
  const amount = Number(match?.[1]);
  return factor === undefined || !Number.isSafeInteger(Math.round(amount * factor)) ? undefined : Math.round(amount * factor);
}
