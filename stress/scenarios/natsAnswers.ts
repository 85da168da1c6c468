import type { Scenario } from "../scenario.js";
import { NatsInterposer } from "../world/natsInterposer.js";

/** Stands in each message of an answer of many, and in its end mark, and in no other answer. */
const OF_MANY = "Nats-Num-Pending";
/** An end mark that is lost is waited for in vain for 5 s: only so many are lost in all. */
const MOST_LOST = 60;
const LOST_AT_LEAST = 10;

/** What becomes of NATS's answers on their way. */
export const natsAnswerScenarios: readonly Scenario[] = [
  {
    name: "newest server: answers of NATS lose messages on their way, while clients come back to what memory doesn't hold",
    fault: "answer lost on the way (newest server)", transport: "both", history: "long", world: { nats: "single", server: "newest", connectors: 0, limits: { ringBytesPerChannel: 1_000 } },
    async run(world) {
      const interposer = await NatsInterposer.start(world.nats.port);
      world.onStop(() => interposer.stop());
      await world.addConnector([interposer.url]);
      const clients = await world.joinMany(8, { channels: ["chat.a", "chat.b"] });
      interposer.decide = (_, message) => (message.includes(OF_MANY) && interposer.touched < MOST_LOST && world.random.between(1, 12) === 1 ? "drop" : "pass");
      const traffic = world.traffic({ channels: ["chat.a", "chat.b"], lanes: 4, everyMs: 2 });
      for (let rounds = 0; rounds < world.times(12); rounds++) {
        for (const client of clients) client.leave();
        await traffic.flow(100);
        for (const client of clients) client.comeBack();
        await traffic.flow(20);
      }
      interposer.decide = () => "pass";
      return interposer.touched >= LOST_AT_LEAST ? undefined : [`only ${String(interposer.touched)} messages were lost`];
    },
  },
];
