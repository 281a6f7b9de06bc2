/** A text as one word of a POSIX shell, for a command that is shown to be copied. */

const isPlainWord = (text: string): boolean => /^[\w./:@%+=,-]+$/.test(text);

/** As it is where that is one word, else in single quotes. */
export const shellWord = (text: string): string => (isPlainWord(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
