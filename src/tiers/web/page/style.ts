/** The page's looks: the tokens, once for light and once for dark, and little else. */
export const style = `:root {
  --ground: #f7f7f5;
  --card: #ffffff;
  --ink: #1c1d20;
  --muted: #6a6d74;
  --line: #dedfe3;
  --accent: #2f5fd0;
  --accent-ink: #ffffff;
  --good: #1f8a4c;
  --busy: #b7791f;
  --bad: #c0392b;
  --off: #8a8d94;
  --gap: 1rem;
  --radius: 10px;
  --font: 15px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15161a;
    --card: #1e2026;
    --ink: #e8e9ec;
    --muted: #9a9da6;
    --line: #33363f;
    --accent: #7ea2ff;
    --accent-ink: #10131c;
    --good: #4cc27f;
    --busy: #e0a94a;
    --bad: #ef6b5e;
    --off: #6f727a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: var(--font); font-variant-numeric: tabular-nums; }
header { display: flex; justify-content: space-between; align-items: baseline; padding: var(--gap) calc(2 * var(--gap)); }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
main { display: grid; gap: var(--gap); padding: 0 calc(2 * var(--gap)) calc(2 * var(--gap)); grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
@media (max-width: 60rem) { main { grid-template-columns: minmax(0, 1fr); } }
section { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: var(--gap); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--muted); font-weight: 500; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.instance { max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }
.dot { display: inline-block; width: .6em; height: .6em; border-radius: 50%; background: var(--off); margin-right: .45em; }
.running .dot, .live.on .dot { background: var(--good); }
.healthy .dot, .starting .dot { background: var(--accent); }
.stopping .dot { background: var(--busy); }
.expired .dot, .live.stale .dot { background: var(--bad); }
.gone { color: var(--muted); }
.live { margin: 0; color: var(--muted); }
.live.beat .dot { animation: beat .6s; }
@keyframes beat { 50% { transform: scale(1.7); } }
@media (prefers-reduced-motion: reduce) { .live.beat .dot { animation: none; } }
.count, .hint { color: var(--muted); font-weight: 400; }
.messages { list-style: none; margin: 0 0 var(--gap); padding: 0; min-height: 12rem; max-height: 60vh; overflow-y: auto; }
.messages li { padding: .45rem .7rem; border-radius: var(--radius); margin: .35rem 0; width: fit-content; max-width: 90%; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); }
.messages .mine { margin-left: auto; background: var(--accent); color: var(--accent-ink); border-color: transparent; }
.messages .note { color: var(--bad); }
.messages .waiting { opacity: .6; }
form { display: flex; gap: .5rem; }
input { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: var(--radius); padding: .5rem .7rem; }
button { font: inherit; color: var(--accent-ink); background: var(--accent); border: 0; border-radius: var(--radius); padding: .5rem 1rem; }
button:disabled { opacity: .5; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`;
