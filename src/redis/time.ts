/** The clock of Redis. */

/** Its reply to TIME as ms since the epoch, with their fraction. */
export const msOfTime = ([seconds, micros]: readonly (string | number)[]): number =>
  Number(seconds) * 1000 + Number(micros) / 1000;
