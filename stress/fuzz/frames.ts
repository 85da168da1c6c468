import type { Random } from "../random.js";
import { chance, mutateValue } from "./mutate.js";

const POOL = Array.from({ length: 40 }, (_, at) => `fuzz.c${String(at)}`);
const CHANNELS = [...POOL, "fuzz.a", "fuzz.b", "typed.a", "typed.b", "live.a", "live.b", "calm.bystander", "closed.x", "user.fuzz", "all", "sys.stats", "none.x", "fuzz", "fuzz.é", "fuzz.$tick", ""];
const TYPES = ["", "", "demo.v1.ChatMessage", "demo.v1.OrderChanged", "demo.v1.Money", "demo.v1.None", "an event"];

/** Payloads of the types above, and others. */
const PAYLOADS: readonly unknown[] = [
  { text: "hi", sender: "ada" },
  { currency: "EUR", minorUnits: "12" },
  { orderId: "1", status: "ORDER_STATUS_PAID", items: [{ name: "a", quantity: 2, price: { currency: "EUR", minorUnits: "5" }, parts: [] }], fees: { a: { currency: "EUR" } }, changedAt: "2026-01-01T00:00:00Z", picture: "AAAA", parcelNumber: "7", details: { a: [1, null, { b: true }] } },
  1,
  "text",
  null,
  [1, 2, 3],
];

export function anyChannel(random: Random): string {
  return random.pick(CHANNELS);
}

/** A channel that is not sent much: hundreds of subscriptions would be all that a fuzzer does. */
export function anyType(random: Random): string {
  return random.pick(TYPES);
}

/** A payload: of a type, of none, nearly of one, a large one now and then. */
export function anyPayload(random: Random): unknown {
  if (chance(random, 1)) return "x".repeat(random.between(1_000, 100_000));
  const payload = random.pick(PAYLOADS);
  return chance(random, 50) ? payload : mutateValue(random, payload);
}

export function anyPosition(random: Random): object {
  return random.pick([{}, { offset: 0, epoch: "" }, { offset: random.between(0, 1_000), epoch: "x" }, { offset: 2 ** 53 - 1, epoch: "aaaaaaaaaaaa" }]);
}

/** The body of a frame that a signed-in client may send. */
export function anyBody(random: Random): Record<string, unknown> {
  const channel = anyChannel(random);
  switch (random.between(0, 9)) {
    case 0:
    case 1:
      return { subscribe: { channel, ...(chance(random, 40) ? { position: anyPosition(random) } : {}) } };
    case 2:
    case 3:
      return { unsubscribe: { channel } };
    case 4:
    case 5:
    case 6: {
      const type = anyType(random);
      return { publish: { channel, ...(type === "" ? {} : { type }), data: anyPayload(random), ...(chance(random, 30) ? { key: `k${String(random.between(1, 50))}` } : {}) } };
    }
    case 7:
      return { members: { channel } };
    case 8:
      return { refresh: { token: "no token" } };
    default:
      return { pong: {} };
  }
}

/** The same as the text of a JSON frame, often with something wrong in it; still JSON. */
export function anyFrame(random: Random, id: number): string {
  const frame = { id, ...anyBody(random) };
  return JSON.stringify(chance(random, 60) ? mutateValue(random, frame) : frame);
}

/** The id under which a frame must be answered; 0 where none is due. */
export function answeredId(text: string): number {
  const frame = JSON.parse(text) as unknown;
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return 0;
  const { id, ...rest } = frame as { id?: unknown; pong?: object };
  if (typeof id !== "number" || !Number.isInteger(id) || id < 1 || id > 0xffff_ffff) return 0;
  return JSON.stringify(rest) === '{"pong":{}}' ? 0 : id;
}
