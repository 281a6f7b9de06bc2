/** An entry of a stream as it is read, and what a reader makes of it. */

/** An entry's fields as Redis holds them: name, value, name, value. */
export type RawFields = readonly Uint8Array[];

/** What was parsed, or why it was refused. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };
