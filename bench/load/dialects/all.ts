import type { Dialect } from "./dialect.js";
import { floor } from "./floor.js";
import { halley } from "./halley.js";
import { natsWebSocket } from "./natsWebSocket.js";
import { nchan } from "./nchan.js";
import { socketIo } from "./socketIo.js";

/** The dialects that a subscriber can speak, by name. */
export const DIALECTS = { halley, floor, nchan, natsWebSocket, socketIo } as const satisfies Readonly<Record<string, Dialect>>;

/** As it travels to a load generator. */
export type DialectName = keyof typeof DIALECTS;
