/** How stops are counted: by service, version and outcome. */

/** The outcome of a boot that has not written how it ended. */
const expired = "expired";

/** The field of the hash that counts the stops. */
export const endsField = (service: string, version: string, outcome: string): string =>
  JSON.stringify([service, version, outcome]);

/** The member of a deregistered boot in the set of ending ones: it counts as expired unless its last message comes in time. */
export const endingPlace = (boot: string, service: string, version: string): string =>
  `${boot} ${endsField(service, version, expired)}`;

/** What is known of a registered boot, for the case that its lease expires. */
export const knownText = (status: string, boot: string, version: string): string => JSON.stringify([status, boot, version]);
