/** ms for which instances that have ended are kept, and so how far back the journal is read: a day. */
export const keptMs = 86_400_000;
