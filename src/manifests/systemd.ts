/** Writes the systemd unit of a service: `Type=notify`, with the service's own deadlines. */
import type { Budgets } from "./budgets.ts";
import { marginMs, secondsFor } from "./budgets.ts";
import type { Written } from "./written.ts";
import { labelOf } from "./written.ts";

/** A word of a command line in a unit. */
const word = (text: string): string =>
  /^[\w@./:=+-]+$/.test(text) ? text : `"${text.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll(/["\\]/g, "\\$&")}"`;

export const unitFiles = (budgets: Budgets, { command }: Written): ReadonlyMap<string, string> => {
  const label = labelOf(budgets);
  return new Map([
    [
      `${label}.service`,
      `[Unit]
Description=${budgets.service}, a Stargazer service
Wants=network-online.target
After=network-online.target
# a Redis that is away for long comes back; systemd would give up after five starts in ten seconds
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd-notify is a process of its own
NotifyAccess=all
ExecStart=/usr/bin/env node ${command.map(word).join(" ")}
WorkingDirectory=/opt/${label}
EnvironmentFile=-/etc/${label}.env
# the boot may last ${budgets.bootMs} ms; the service asks for longer where it needs it
TimeoutStartSec=${secondsFor(budgets.bootMs + marginMs)}
# stopping may last ${budgets.stopMs} ms
TimeoutStopSec=${secondsFor(budgets.stopMs + marginMs)}
# /healthz gives up an event loop that is blocked for ${budgets.livenessBlockMs} ms
WatchdogSec=${secondsFor(budgets.livenessBlockMs + marginMs)}
KillSignal=SIGTERM
KillMode=mixed
Restart=on-failure
RestartSec=1
# a wrong configuration does not get better
RestartPreventExitStatus=2
DynamicUser=yes
StateDirectory=${label}
Environment=SG_FLIGHT_DIR=%S/${label}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
NoNewPrivileges=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
`,
    ],
  ]);
};
