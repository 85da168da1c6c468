import { createInbox, headers, type Msg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FactRig, type FactStream } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

describe.each(NATS_PROGRAMS)("reading a long stretch through a consumer: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  const consume = async (stream: FactStream, from: number): Promise<{ name: string; num_pending: number }> => {
    const config = { deliver_policy: "by_start_sequence", opt_start_seq: from, filter_subject: stream.subject(), ack_policy: "none", replay_policy: "instant", mem_storage: true, num_replicas: 1, inactive_threshold: 10_000_000_000 };
    return stream.ask("CONSUMER.CREATE", { stream_name: stream.config.name, config });
  };
  /** What comes until a status, or until `batch` came. */
  const pull = async (stream: FactStream, consumer: string, request: { batch: number; max_bytes?: number }): Promise<Msg[]> => {
    const subscription = stream.connection.subscribe(createInbox(), { timeout: 5_000 });
    stream.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream.config.name}.${consumer}`, JSON.stringify({ no_wait: true, ...request }), { reply: subscription.getSubject() });
    const all: Msg[] = [];
    for await (const message of subscription) {
      all.push(message);
      if (all.length === request.batch || (message.data.length === 0 && message.reply === "")) break;
    }
    return all;
  };
  /** Where the reply subject says that a message stands: stream sequence and the consumer's own. */
  const place = ({ reply = "" }: Msg): number[] => {
    const tokens = reply.split(".");
    const at = tokens.length >= 11 ? 4 : 2;
    return [Number(tokens[at + 3]), Number(tokens[at + 4])];
  };

  it("names how much is pending when it is made, and delivers it in order, numbered without holes", async () => {
    const stream = await rig.stream();
    for (let n = 1; n <= 10; n++) await stream.store(n % 2 === 0 ? "x" : "other", {}, String(n));
    const { name, num_pending: pending } = await consume(stream, 3);
    expect(pending).toBe(4);
    const batch = await pull(stream, name, { batch: 4 });
    expect(batch.map((message) => [message.string(), ...place(message)])).toEqual([["4", 4, 1], ["6", 6, 2], ["8", 8, 3], ["10", 10, 4]]);
    expect(batch.every(({ reply, subject }) => reply?.startsWith("$JS.ACK.") === true && subject === stream.subject())).toBe(true);
  });

  it("ends a request at once with a status where nothing is left, and before the bytes would exceed", async () => {
    const stream = await rig.stream();
    for (let n = 0; n < 3; n++) await stream.store("x", {}, "x".repeat(1_000));
    const { name } = await consume(stream, 1);
    const some = await pull(stream, name, { batch: 10, max_bytes: 2_500 });
    expect([some.length, some.at(-1)?.headers?.code]).toEqual([3, 409]);
    const rest = await pull(stream, name, { batch: 10 });
    expect([rest.length, place(rest[0]!)]).toEqual([2, [3, 3]]);
    expect([404, 408]).toContain(rest.at(-1)?.headers?.code);
  });

  it("a stored message with a status line of its publisher's comes with a reply, a status of the server without", async () => {
    const stream = await rig.stream();
    await stream.connection.request(stream.subject(), "", { timeout: 5_000, headers: headers(404, "no") });
    const { name } = await consume(stream, 1);
    const [message, status] = await pull(stream, name, { batch: 2 });
    expect([message?.reply?.startsWith("$JS.ACK."), status?.reply]).toEqual([true, ""]);
    expect([404, 408]).toContain(status?.headers?.code);
  });
});
