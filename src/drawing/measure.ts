/**
 * How wide a text is. From a table and not from a font that happens to be installed, so that a picture has the same bytes on
 * every machine. The advances are those of Helvetica, which Arial, Liberation Sans and most fallbacks share.
 */
const advances: readonly (readonly [number, string])[] = [
  [222, "ijl"],
  [278, " !,./:;It[]\\|f·"],
  [333, "()-r`"],
  [500, "Jckvsxyz"],
  [556, "0123456789abdeghnopquLF_?$#"],
  [611, "TZ"],
  [667, "ABEKPSVXY&"],
  [722, "CDHNRUw"],
  [778, "GOQ"],
  [833, "Mm%"],
  [944, "W@"],
];
const advanceOf = new Map(advances.flatMap(([width, signs]) => [...signs].map((sign) => [sign, width] as const)));

/** Other fonts are up to this much wider. */
const slack = 1.04;
const boldness = 1.07;

export const textWidth = (text: string, size: number, { bold = false } = {}): number =>
  ([...text].reduce((sum, sign) => sum + (advanceOf.get(sign) ?? 600), 0) / 1000) * size * slack * (bold ? boldness : 1);
