/** A server that answers and cannot serve. The message is the verdict in one clause. */
export class Unfit extends Error {
  /** what to do, in one sentence */
  readonly advice: string;

  constructor(verdict: string, advice: string) {
    super(verdict);
    this.advice = advice;
  }
}
