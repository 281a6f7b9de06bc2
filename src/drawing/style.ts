/**
 * How a chart looks, light and dark, and how it is lit live. A page that inlines a picture toggles the classes `active` and
 * `refused` on `[data-state]` and `taken` on `[data-edge~="…"]`; `data-theme="light|dark"` on the picture or around it wins
 * over the reader's preference. A page that forbids inline styles serves this text as a stylesheet of its own.
 */
import type { Kind } from "../charts/graph.ts";

type Tone = Kind | "mixed" | "initial" | "child";

/** ink and tint of each kind of line: light, then dark */
const tones: Readonly<Record<Tone, readonly [light: readonly [string, string], dark: readonly [string, string]]>> = {
  command: [
    ["#1f5fd6", "#e6effd"],
    ["#8bb6ff", "#182c4f"],
  ],
  fact: [
    ["#6a45c4", "#efe9fc"],
    ["#bda4ff", "#2b2150"],
  ],
  done: [
    ["#0c7a50", "#dff4e9"],
    ["#5ed3a0", "#0f3429"],
  ],
  error: [
    ["#c22547", "#fde8ec"],
    ["#ff91a6", "#431925"],
  ],
  deadline: [
    ["#945700", "#fbeed6"],
    ["#f0b866", "#3b2a10"],
  ],
  always: [
    ["#56617a", "#e9edf4"],
    ["#a9b5cd", "#252f42"],
  ],
  mixed: [
    ["#8e9ab2", "#e9edf4"],
    ["#62708e", "#252f42"],
  ],
  initial: [
    ["#1a2338", "#1a2338"],
    ["#e4eaf6", "#e4eaf6"],
  ],
  child: [
    ["#6a45c4", "#f3effd"],
    ["#a98cf2", "#1e1938"],
  ],
};

const surfaces = {
  light: {
    bg: "#fbfcfe",
    box: "#ffffff",
    frame: "#f2f5fa",
    ink: "#182136",
    mute: "#5f6b84",
    line: "#bcc7da",
    rail: "#c3cde0",
    ready: "#e3f6ec",
    over: "#edf0f6",
  },
  dark: {
    bg: "#0d121c",
    box: "#1a2232",
    frame: "#131a27",
    ink: "#e6ecf7",
    mute: "#93a0b9",
    line: "#3a4662",
    rail: "#3d4a69",
    ready: "#12342b",
    over: "#222b3d",
  },
} as const;

const variables = (theme: "light" | "dark"): string =>
  [
    ...Object.entries(surfaces[theme]).map(([name, colour]) => `--sg-${name}:${colour}`),
    ...Object.entries(tones).map(([name, [light, dark]]) => {
      const [ink, tint] = theme === "light" ? light : dark;
      return `--sg-${name}:${ink};--sg-${name}-tint:${tint}`;
    }),
  ].join(";");

const toneRules = (tone: string): string => `.sg-chart .${tone}{--ink:var(--sg-${tone});--tint:var(--sg-${tone}-tint)}`;

export const chartStyle = `
.sg-chart{${variables("light")};color-scheme:light dark;font-family:"Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif}
@media (prefers-color-scheme:dark){.sg-chart{${variables("dark")}}}
[data-theme=light] .sg-chart,.sg-chart[data-theme=light]{${variables("light")}}
[data-theme=dark] .sg-chart,.sg-chart[data-theme=dark]{${variables("dark")}}
${Object.keys(tones).map(toneRules).join("\n")}
.sg-chart .paper{fill:var(--sg-bg)}
.sg-chart .title{font-size:21px;font-weight:700;fill:var(--sg-ink);letter-spacing:-.2px}
.sg-chart .sentence{font-size:13px;fill:var(--sg-mute)}
.sg-chart .caption{font-size:11.5px;fill:var(--sg-mute)}
.sg-chart .legend circle:not(.dot){fill:var(--ink)}
.sg-chart .state>rect{fill:var(--sg-box);stroke:var(--sg-line);stroke-width:1.4}
.sg-chart .frame>rect{fill:var(--sg-frame)}
.sg-chart .frame .frame>rect{fill:var(--sg-bg)}
.sg-chart .state.ready>rect{fill:var(--sg-ready);stroke:var(--sg-done)}
.sg-chart .state.final>rect{fill:var(--sg-over)}
.sg-chart .state.final>.inner{fill:none}
.sg-chart .any>rect{fill:none;stroke-dasharray:4 4}
.sg-chart .region>rect{stroke-dasharray:7 4}
.sg-chart .name{font-size:14px;font-weight:700;fill:var(--sg-ink)}
.sg-chart .note{font-size:11.5px;fill:var(--sg-mute)}
.sg-chart .mid{text-anchor:middle}
.sg-chart .end{text-anchor:end}
.sg-chart .bar .caption,.sg-chart .begins{fill:var(--sg-child)}
.sg-chart .mark{fill:var(--sg-mute);stroke:none}
.sg-chart .mark.hollow{fill:none;stroke:var(--sg-mute);stroke-width:1.4}
.sg-chart .line path{fill:none;stroke:var(--ink);stroke-width:1.5}
.sg-chart .line .head{fill:var(--ink);stroke:none}
.sg-chart .line.child path:not(.head){stroke-dasharray:2 4}
.sg-chart .rail path{fill:none;stroke:var(--sg-rail);stroke-width:4.5;stroke-linecap:round;stroke-linejoin:round}
.sg-chart .rail .head{fill:var(--sg-rail);stroke-width:1}
.sg-chart .trace{visibility:hidden}
.sg-chart .dot{fill:var(--sg-ink)}
.sg-chart .word rect{fill:none}
.sg-chart .word text{font-size:11.5px;fill:var(--ink)}
.sg-chart .word tspan{fill:var(--ink)}
.sg-chart .word .quiet{fill:var(--sg-mute)}
.sg-chart .bar rect{fill:var(--tint);stroke:var(--ink);stroke-width:1.4}
.sg-chart .bar .name{fill:var(--ink)}
.sg-chart .state.active>rect{stroke:var(--sg-command);stroke-width:3;fill:var(--sg-command-tint)}
.sg-chart .frame.active>rect{fill:var(--sg-frame);stroke-width:2.4}
.sg-chart .state.ready.active>rect{stroke:var(--sg-done);fill:var(--sg-done-tint)}
.sg-chart .state.refused>rect{stroke:var(--sg-error);stroke-width:3}
.sg-chart .line.taken path:not(.head){stroke-width:3.4;stroke-dasharray:1;animation:sg-trace .5s ease-out}
.sg-chart .line.mixed.taken{--ink:var(--sg-ink)}
.sg-chart .line.taken .head{transform-box:fill-box;transform-origin:center;transform:scale(1.25)}
.sg-chart .trace.taken{visibility:visible}
.sg-chart .word.taken rect{fill:var(--ink)}
.sg-chart .word.mixed.taken rect{fill:var(--sg-ink)}
.sg-chart .word.taken text,.sg-chart .word.taken tspan{fill:var(--sg-bg)}
.sg-chart .noted.taken .note{fill:var(--ink);font-weight:700}
@keyframes sg-trace{from{stroke-dashoffset:1}to{stroke-dashoffset:0}}
@media (prefers-reduced-motion:reduce){.sg-chart .line.taken path{animation:none}}
`.trim();
