export { type HalleyEvents, type HalleyOptions, Halley } from "./halley.js";
export { HalleyError, type Violation } from "./errors.js";
export { type Position, type Publication, type PublishAnswer, type Members } from "./frames.js";
export { type ConnectionState, type StateChange } from "./connectionState.js";
export { type ResetEvent, type SubscribeOptions, type SubscribedEvent, type Subscription } from "./subscription.js";
export { type TokenProvider } from "./token.js";
export { type TransportName } from "./transport.js";
