/** What another front end uses; README.md says how. */
export { LiveClient, type SendOptions } from "./client";
export * from "./frames";
export { newMessageId } from "./ids";
export type { Cited } from "./items";
export { type Ended, type ThreadInput, type ThreadState, type Turn, endOf } from "./reducer";
export { Refused, type RefusedCode } from "./refused";
export type { FeedState, FeedStates } from "./feeds";
export type { Surroundings } from "./socket";
export type { Notice, Phase, Status } from "./status";
export { Store } from "./store";
