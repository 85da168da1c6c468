import { describe, expect, it } from "vitest";
import { Message } from "../../gen/halley/v1/message.js";
import type { PublishRequest } from "../../gen/halley/v1/publish.js";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import { acceptMessage, type AcceptedMessage } from "./acceptMessage.js";
import { MAX_PAYLOAD_BYTES } from "../../lib/message/messageRules.js";

const namespaces = parseNamespaces({ namespaces: { chat: { untyped: true }, typed: {} } }, "test");
const rules = { namespaces, registry: await loadSchemas("examples/schemas") };

const json = (value: string): Message["payload"] => ({ $case: "json", value });
const request = (target: PublishRequest["target"], message: Partial<Message> = {}): PublishRequest => ({ target, message: { ...Message.fromPartial({}), payload: json("{}"), ...message } });
const channel = (value: string): PublishRequest["target"] => ({ $case: "channel", value });
const accept = (target: PublishRequest["target"], message?: Partial<Message>): AcceptedMessage => acceptMessage(request(target, message), "", rules);

function refusal(judge: () => unknown): { reason: string; violations: string[] } {
  try {
    judge();
  } catch (error) {
    if (error instanceof RpcError) return { reason: error.reason, violations: error.violations.map(({ field, description }) => `${field}: ${description}`) };
    throw error;
  }
  throw new Error("was accepted");
}

const refused = (target: PublishRequest["target"], message?: Partial<Message>): { reason: string; violations: string[] } => refusal(() => accept(target, message));
const violationsOf = (message: Partial<Message>): string[] => refused(channel("chat.x"), message).violations;

describe("accept message", () => {
  it("resolves targets to channels", () => {
    expect(accept(channel("chat.room.42")).channel).toBe("chat.room.42");
    expect(accept(channel("chat")).channel).toBe("chat");
    expect(accept({ $case: "userId", value: "auth0|1.2 3" }).channel).toBe("user.=YXV0aDB8MS4yIDM");
    expect(accept({ $case: "everyone", value: true }).channel).toBe("all");
  });

  it.each(["chat room", "chat.*", "chat.>", "chat..x", ".chat", "chat.", "chat.\u0007", `chat.${"x".repeat(300)}`, "chat.$tick", "Chat.x", "", "user.a.b", "user.=x"])("refuses the channel %j", (name) => {
    expect(refused(channel(name))).toEqual({ reason: "INVALID_REQUEST", violations: [expect.stringMatching(/^channel: /)] });
  });

  it.each([["", "must not be empty"], ["x".repeat(129), "is 129 bytes, at most 128 are allowed"]])("refuses the user id %j", (value, description) => {
    expect(refused({ $case: "userId", value }).violations).toEqual([`user_id: ${description}`]);
  });

  it("wants everyone to be true and a target to be there", () => {
    expect(refused({ $case: "everyone", value: false }).violations).toEqual(["everyone: must be true"]);
    expect(refused(undefined).violations).toEqual(["target: is missing: set channel, user_id or everyone"]);
  });

  it("refuses unknown and reserved namespaces, whatever else is wrong", () => {
    expect(refused(channel("nowhere.x"), { payload: undefined }).reason).toBe("UNKNOWN_NAMESPACE");
    expect(refused(channel("sys.stats")).reason).toBe("PUBLISH_DENIED");
  });

  it("lists all violations at once, with their paths", () => {
    const broken = request(channel("a..b"), { type: "x".repeat(256), payload: undefined, key: "k\n", tags: { "b a d": "", ok: " edge" } });
    expect(refusal(() => acceptMessage(broken, "requests[3].", rules))).toEqual({
      reason: "INVALID_REQUEST",
      violations: [
        "requests[3].channel: must not hold empty tokens (a dot at an end, or two in a row)",
        "requests[3].message.payload: is missing: set json or protobuf",
        "requests[3].message.type: is 256 bytes, at most 255 are allowed",
        "requests[3].message.key: must not hold control characters or line breaks",
        'requests[3].message.tags: the name "b a d" must be 1 to 64 of A-Z, a-z, 0-9, _ and -',
        "requests[3].message.tags.ok: must not begin or end with a space",
      ],
    });
  });

  it("refuses a request without a message, and none at all", () => {
    expect(refusal(() => acceptMessage({ target: undefined, message: undefined }, "publish.", rules)).violations).toEqual([
      "publish.target: is missing: set channel, user_id or everyone",
      "publish.message: is missing",
    ]);
    expect(refusal(() => acceptMessage(undefined, "", rules)).reason).toBe("INVALID_REQUEST");
  });

  it("bounds the payload", () => {
    const text = (bytes: number): Message["payload"] => json(`"${"x".repeat(bytes - 2)}"`);
    expect(accept(channel("chat.x"), { payload: text(MAX_PAYLOAD_BYTES) }).payload.data.length).toBe(MAX_PAYLOAD_BYTES);
    expect(violationsOf({ payload: text(MAX_PAYLOAD_BYTES + 1) })).toEqual(["message.json: is 524289 bytes, at most 524288 are allowed"]);
    expect(violationsOf({ payload: { $case: "protobuf", value: Buffer.alloc(MAX_PAYLOAD_BYTES + 1) } })).toEqual(["message.protobuf: is 524289 bytes, at most 524288 are allowed"]);
  });

  it("bounds key and tags", () => {
    expect(accept(channel("chat.x"), { key: "k".repeat(128), tags: { ["n".repeat(64)]: "v".repeat(256) } }).key).toHaveLength(128);
    expect(violationsOf({ key: "ä".repeat(65) })).toEqual(["message.key: is 130 bytes, at most 128 are allowed"]);
    expect(violationsOf({ tags: { a: "v".repeat(257) } })).toEqual(["message.tags.a: is 257 bytes, at most 256 are allowed"]);
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`t${String(at)}`, ""]));
    expect(violationsOf({ tags: many })).toEqual(["message.tags: are 17, at most 16 are allowed"]);
  });

  it("checks payloads against their type and says where they are wrong", () => {
    expect(refused(channel("chat.x"), { payload: json("{") })).toMatchObject({ reason: "INVALID_MESSAGE", violations: [expect.stringMatching(/^message\.json: /)] });
    expect(refused(channel("typed.x"), { type: "demo.v1.ChatMessage", payload: json('{"text":5}') })).toMatchObject({ reason: "INVALID_MESSAGE", violations: [expect.stringMatching(/^message\.json\.text: /)] });
    expect(refused(channel("typed.x"), { type: "demo.v1.ChatMessage", payload: { $case: "protobuf", value: Buffer.from([0xff]) } }).violations).toEqual([expect.stringMatching(/^message\.protobuf/)]);
    expect(refused(channel("typed.x"), { type: "no.such.Type" }).violations).toEqual([expect.stringMatching(/^message\.type: /)]);
    expect(accept(channel("typed.x"), { type: "demo.v1.ChatMessage", payload: json('{"text":"hi"}') }).type).toBe("demo.v1.ChatMessage");
  });

  it("lists what is wrong inside the payload beside what is wrong around it", () => {
    expect(refused(channel("chat.x"), { key: " k", payload: json("{") })).toEqual({
      reason: "INVALID_REQUEST",
      violations: ["message.key: must not begin or end with a space", expect.stringMatching(/^message\.json: /)],
    });
  });
});
