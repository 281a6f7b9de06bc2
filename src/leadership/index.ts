/** `stargazer/leadership`: a task that runs on one instance of all. A door of its own, so that services without one do not load it. */
export type { LeadershipTimes } from "../../machines/index.ts";
export type { Command, Still } from "./commit.ts";
export { firstReply } from "./commit.ts";
export type { LeadOptions, Term } from "./lead.ts";
export { lead } from "./lead.ts";
