/** The choice of `--inspect` and `SG_INSPECT`: the page, Stately's inspector, or a receiver of its protocol elsewhere. */
import { StargazerError } from "../errors.ts";

export type InspectChoice =
  | { readonly kind: "page" /** 0: a free one */; readonly port: number }
  | { readonly kind: "stately" }
  | { readonly kind: "receiver"; readonly url: string };

const isPort = (text: string): boolean => /^\d{2,5}$/.test(text) && Number(text) <= 65_535;
const isReceiver = (text: string): boolean => URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol);

/** Throws `SG_ERR_CONFIG_INVALID`, naming `from`: the option or variable that has the text. */
export const readChoice = (text: string, from: string): InspectChoice => {
  if (text === "" || text === "page" || text === "1" || text === "true") return { kind: "page", port: 0 };
  if (text === "stately") return { kind: "stately" };
  if (isPort(text)) return { kind: "page", port: Number(text) };
  if (isReceiver(text)) return { kind: "receiver", url: text };
  const message = `${from} is ${JSON.stringify(text)}; it may be page, a port, stately, or a ws:// URL`;
  throw new StargazerError("SG_ERR_CONFIG_INVALID", message);
};
