const WORDS: readonly string[] = ["*", "loopback"];

/**
 * Why an entry of HALLEY_ALLOWED_ORIGINS would never match, or undefined: it is `*`, `loopback`, or an origin as browsers
 * send it (scheme://host[:port], without a path and without the scheme's own port; `https://example.org`). What other
 * schemes have for a host (`capacitor://localhost`) is theirs.
 */
export function originFault(entry: string): string | undefined {
  if (WORDS.includes(entry.toLowerCase())) return undefined;
  const fault = `holds ${entry}, which is no origin`;
  const advice = "write scheme://host[:port] like https://example.org, or *, or loopback";
  if (entry.includes("*")) return `${fault}: there are no patterns; ${advice}`;
  if (!URL.canParse(entry) || !/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(entry)) return `${fault}: ${advice}`;
  const { origin, protocol, host } = new URL(entry);
  // The URL of a scheme that the standard doesn't know has no origin of its own.
  const sent = origin === "null" ? `${protocol}//${host}` : origin;
  return sent === entry.toLowerCase() ? undefined : `${fault}: write ${sent}`;
}
