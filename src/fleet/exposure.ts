/** What a fleet opens to other machines. */
import type { FleetPlan } from "../../machines/index.ts";
import { exposureOf, gatewaySettings, webSettings } from "../tiers/settings.ts";

const settingsOf = { gateway: gatewaySettings, web: webSettings };

/** A sentence for each tier that other machines reach; none where all are for this machine alone. */
export const exposuresOf = ({ services, token }: FleetPlan): string[] =>
  Object.entries(settingsOf).flatMap(([name, read]) => {
    const exposure = services.some(({ tier }) => tier === name) ? exposureOf(read({ token })) : undefined;
    return exposure === undefined ? [] : [`${name}: ${exposure}`];
  });
