/** Finds facts that an author states about themselves, by a few English phrases. */
import { factOf } from "../consolidation/edge.ts";

/** how the object of a fact ends */
const object = "([^.,;:!?\\n]{1,80})";

interface Phrase {
  readonly pattern: RegExp;
  readonly relation: string;
}

const phrase = (words: string, relation: string): Phrase => ({
  pattern: new RegExp(`\\b${words} ${object}`, "iu"),
  relation,
});

const phrases: readonly Phrase[] = [
  phrase("(?:my name is|call me)", "is called"),
  phrase("i live in", "lives in"),
  phrase("(?:i am|i'm|i come) from", "comes from"),
  phrase("i work (?:as|at|for|in)", "works as or at"),
  phrase("i (?:like|love)", "likes"),
  phrase("i (?:dislike|hate)", "dislikes"),
  phrase("(?:please )?remember(?: that)?", "wants remembered"),
];
/** facts of one line */
const maxFacts = 5;
/** characters of a line that are looked at */
const maxLength = 2000;

/** The core facts in a line, as edges of the knowledge graph. */
export const factsIn = (text: string, author: string, conversation: string): string[] => {
  const looked = text.slice(0, maxLength).replaceAll("’", "'");
  return phrases
    .flatMap(({ pattern, relation }) => {
      const said = pattern.exec(looked)?.[1]?.trim();
      return said ? [factOf(author, relation, said, conversation)] : [];
    })
    .slice(0, maxFacts);
};
