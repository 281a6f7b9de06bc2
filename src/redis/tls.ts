/** Why a TLS connection failed, by the codes of Node and OpenSSL, and what to do about it. */
import { shortened } from "../../machines/thrown.ts";

interface Failure {
  readonly code?: unknown;
  readonly message?: unknown;
  /** of OpenSSL: "sslv3 alert handshake failure" */
  readonly reason?: unknown;
  /** with a certificate for other names */
  readonly host?: unknown;
  readonly cert?: { readonly subjectaltname?: unknown };
}

/** characters of the names in a certificate */
const longestNames = 200;

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const forOthers = ({ host, cert }: Failure): string =>
  `its certificate is not for ${textOf(host) || "its host name"}, but for ${shortened(textOf(cert?.subjectaltname) || "no name at all", longestNames)}`;

const said = ({ reason, message }: Failure): string => textOf(reason) || textOf(message);

/** The clause for a code, and what to do. An alert is the answer of the server. OpenSSL names one alert differently by its version. */
const failures: readonly (readonly [code: RegExp, clause: string | ((failure: Failure) => string), advice: string])[] = [
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, "its port does not speak TLS", "Write redis:// instead of rediss://."],
  [/^CERT_HAS_EXPIRED$/, "its certificate has expired", "Renew it, if the clock of this machine is right."],
  [
    /^CERT_NOT_YET_VALID$/,
    "its certificate is not valid yet",
    "Set the clock of this machine, or wait for the certificate's first day.",
  ],
  [/^CERT_REVOKED$/, "its certificate has been revoked", "Give the server another one."],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/,
    forOthers,
    "Name the server as its certificate does, or pass a client with the option tls: { servername }.",
  ],
  [
    /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
    "its certificate is self-signed",
    "Name the certificate in NODE_EXTRA_CA_CERTS, or pass a client with the option tls: { ca }.",
  ],
  [
    /^SELF_SIGNED_CERT_IN_CHAIN$|^UNABLE_TO_|^CERT_UNTRUSTED$|^INVALID_CA$/,
    "its certificate is of a CA that is not trusted here",
    "Name the CA in NODE_EXTRA_CA_CERTS, or pass a client with the option tls: { ca }.",
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED/,
    "it demands a certificate of the client",
    "Pass a client with the option tls: { cert, key }, or set tls-auth-clients at the server.",
  ],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERT|CERT|UNSUPPORTED_CERT|ACCESS_DENIED|DECRYPT_ERROR)/,
    (failure) => `it refuses the certificate of the client (${said(failure)})`,
    "Use one of a CA that the server trusts (tls-ca-cert-file), and that has not expired.",
  ],
  [
    /ALERT_HANDSHAKE_FAILURE/,
    "it refuses the TLS handshake: it demands a certificate of the client, or has no cipher in common",
    "Pass a client with the option tls: { cert, key }, or { ciphers }.",
  ],
  [
    /ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW/,
    "it has no version of TLS in common with this process",
    "Compare tls-protocols of the server with --tls-min-v1.x and --tls-max-v1.x of Node, and minVersion and maxVersion of a client.",
  ],
  [
    /UNRECOGNIZED_NAME/,
    "it does not know the server name that TLS named",
    "Name the server as its certificate does, or pass a client with the option tls: { servername }.",
  ],
  [
    /^ERR_OSSL_/,
    (failure) => `the client's option tls cannot be used: ${said(failure)}`,
    "Its cert, key and ca are texts in PEM, and key is that of cert.",
  ],
  [/^ERR_SSL_/, (failure) => `its TLS failed: ${said(failure)}`, "Its log may name the reason."],
];

/** The clause and the advice for a failure of TLS; undefined for every other error. */
export const tlsFailure = (error: unknown): { readonly clause: string; readonly advice: string } | undefined => {
  const failure = (error ?? {}) as Failure;
  const code = textOf(failure.code);
  const found = code === "" ? undefined : failures.find(([pattern]) => pattern.test(code));
  if (found === undefined) return undefined;
  const [, clause, advice] = found;
  return { clause: typeof clause === "string" ? clause : clause(failure), advice };
};
