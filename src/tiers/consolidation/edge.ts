/** The edges of the knowledge graph, as members of a sorted set: `[subject, relation, object]`, and of a core fact the conversation too. */

/** the longest part that is kept, in characters */
const maxPart = 200;

/** An edge. */
export const edgeOf = (subject: string, relation: string, object: string): string => JSON.stringify([subject, relation, object]);

/** A core fact: what was said of the author in a conversation, `platform/channel`. */
export const factOf = (subject: string, relation: string, object: string, conversation: string): string =>
  JSON.stringify([subject, relation, object, conversation]);

const normal = (part: string): string => part.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase().slice(0, maxPart);

/** The parts of an edge or a fact; undefined for a text that is neither. Total. */
const partsOf = (edge: string): readonly string[] | undefined => {
  try {
    const parts: unknown = JSON.parse(edge);
    if (!Array.isArray(parts) || parts.length < 3 || parts.length > 4) return undefined;
    return parts.every((part) => typeof part === "string") ? parts : undefined;
  } catch {
    return undefined;
  }
};

/** The canonical spelling; the name of a conversation keeps its own. Undefined for a text that is no edge. Total. */
export const canonical = (edge: string): string | undefined => {
  const parts = partsOf(edge);
  return parts && JSON.stringify([...parts.slice(0, 3).map(normal), ...parts.slice(3)]);
};

/** The conversation that a core fact is of; undefined for any other edge. */
export const conversationOf = (edge: string): { readonly platform: string; readonly channel: string } | undefined => {
  const name = partsOf(edge)?.[3];
  const [, platform, channel] = /^([a-z0-9-]{1,32})\/(.{1,200})$/su.exec(name ?? "") ?? [];
  return platform === undefined || channel === undefined ? undefined : { platform, channel };
};

/** A core fact in words; undefined for a text that is none. */
export const factIn = (edge: string): string | undefined => partsOf(edge)?.slice(0, 3).join(" ");
