/** The counts as a table. */

const rows = [
  ["accepted", "accepted", "accepted"],
  ["repeated, outcome unknown", "repeated"],
  ["answered", "answered", "answered"],
  ["lost", "lost"],
  ["never seen", undefined, "neverSeen"],
  ["twice", "twice", "twice"],
  ["out of order", "outOfOrder", "outOfOrder"],
  ["refused", "refused"],
  ["failure notices", "notices"],
];

const cell = (value) => String(value ?? "–").padStart(14);

const endOf = ({ count, expiresInS }) => `${count}, ${expiresInS === null ? "lasting" : `expires within ${expiresInS} s`}`;

/** For a terminal. */
export const tableOf = ({ ok, seed, seconds, messages, channels, stream, client, harms, keys, ...rest }) => {
  const { pending, deadLetters, leftovers, odd } = rest;
  return [
    `seed ${seed}: ${messages} messages over ${channels} conversations in ${seconds} s`,
    `harm: ${Object.entries(harms)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(", ")}`,
    "",
    `${"".padEnd(28)}${"at the stream".padStart(14)}${"at the client".padStart(14)}`,
    ...rows.map(([name, at, seen]) => `${name.padEnd(28)}${cell(at && stream[at])}${cell(seen && client[seen])}`),
    ...Object.entries({ pending, "dead letters": deadLetters, leftovers: leftovers.length, "odd exits": odd.length }).map(
      ([name, count]) => `${name.padEnd(28)}${cell(count)}`,
    ),
    ...[...leftovers, ...odd].map((name) => `  ${name}`),
    "",
    "keys that are left:",
    ...Object.entries(keys).map(([kind, left]) => `  ${kind.padEnd(40)} ${endOf(left)}`),
    "",
    ok ? "each message was answered once, in order, and seen so" : "NOT RIGHT",
  ].join("\n");
};
