/** Texts cut to a number of bytes. */

/** At most `bytes` of UTF-8, at least 8; what is cut off is replaced by an ellipsis, and no character is cut. */
export const fitted = (text: string, bytes: number): string => {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  const cut = new TextDecoder().decode(encoded.subarray(0, bytes - 8), { stream: true });
  return `${cut} …`;
};
