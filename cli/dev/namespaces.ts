import { SYSTEM_NAMESPACE } from "../../lib/channel/channelName.js";
import { type Namespaces, withNamespaces } from "../../lib/config/namespaces.js";

const HISTORY = { messages: 100_000, age: "1h", bytes: "1GiB" };

/** The namespaces of `halley dev` where no halley.yaml is given. */
export const DEV_NAMESPACES = {
  namespaces: {
    chat: { history: HISTORY, presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
    news: { history: HISTORY, subscribe: "signed-in", untyped: true },
    live: { presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
  },
};

/** The same namespaces, `sys` open to everyone who is signed in: the statistics of the demo page. */
export function withSystemOpen(namespaces: Namespaces): Namespaces {
  const system = namespaces.byName(SYSTEM_NAMESPACE);
  return system ? withNamespaces(namespaces, [Object.freeze({ ...system, subscribe: "signed-in" as const })]) : namespaces;
}
