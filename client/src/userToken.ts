const PLAIN = /^[A-Za-z0-9_-]+$/;

/** The inbox of a user: `user.42`; ids with other characters than `[A-Za-z0-9_-]` as `=` and base64url: `user.=YS5i`. */
export function inboxOf(userId: string): string {
  return `user.${PLAIN.test(userId) ? userId : `=${base64url(new TextEncoder().encode(userId))}`}`;
}

/** Whether the connector subscribes this channel by itself: everyone's channel and inboxes. */
export function isServerHeld(channel: string): boolean {
  return channel === "all" || channel.startsWith("user.");
}

/** Bytes as base64url without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
