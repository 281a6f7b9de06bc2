/** The headers of every answer, and what a page of ours may load and run: its own files, and nothing inline. */

/** Of every answer of every server: it is what its type says, no page of another site embeds it, and nothing stores it. */
export const answerHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

export interface PagePolicy {
  /** where its scripts may connect, beside its own server: sources of a content security policy */
  readonly connect?: readonly string[];
  /** what it may frame; default nothing */
  readonly frame?: string;
}

/** The headers of each answer to a page. */
export const pageHeaders = ({ connect = [], frame = "'none'" }: PagePolicy = {}): Readonly<Record<string, string>> => ({
  ...answerHeaders,
  "content-security-policy": [
    "default-src 'none'",
    `connect-src ${["'self'", ...connect].join(" ")}`,
    "script-src 'self'",
    "style-src 'self'",
    "img-src data:",
    `frame-src ${frame}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
});
