/** Whether a journal is written: `SG_JOURNAL=0` turns it off. */
import { fromEnvironment } from "../environment.ts";

export const hasJournal = (): boolean => fromEnvironment("SG_JOURNAL") !== "0";
