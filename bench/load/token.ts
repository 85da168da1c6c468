import { createHmac } from "node:crypto";

const LIFETIME_S = 3_600;

/** A JWT (HS256) for a user, made as fast as may be: ten thousand are needed at once. */
export function benchToken(userId: string, secret: string): string {
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: userId, exp: Math.floor(Date.now() / 1_000) + LIFETIME_S })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
