/** The topics of a line: its longer words. */

const maxTopics = 12;
const common = new Set(
  [
    "about after again along also because before being between could doing does during every first from going have hello here into",
    "just know like make many might more much need only other over please really remind remember said says should since some something",
    "still such sure tell than thank thanks that their them then there these they thing think this those through time today under until",
    "very want well were what when where which while will with without would your yours",
  ].flatMap((line) => line.split(" ")),
);

/** The distinct words of at least five letters that are no common ones of English, in lower case; the first twelve. */
export const topicsIn = (text: string): string[] => {
  const words = text.toLowerCase().match(/\p{L}{5,30}/gu) ?? [];
  return [...new Set(words)].filter((word) => !common.has(word)).slice(0, maxTopics);
};
