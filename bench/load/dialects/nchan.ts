import type { Dialect } from "./dialect.js";

/** nchan's WebSocket: to be there is to be subscribed, and each frame is a publication. */
export const nchan: Dialect = {
  upgrade: ({ channel }) => ({ path: `/subscribe/${channel}` }),
  converse: (_, { publication, subscribed }) => ({ begin: () => { subscribed(); }, hear: publication }),
};
