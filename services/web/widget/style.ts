/** The widget's look, inside its shadow root: a client's page can't bend it, and it bends nothing there. */
export const STYLE = `
:host { all: initial; position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000;
  font: 15px/1.45 system-ui, sans-serif; color-scheme: light dark; }
* { box-sizing: border-box; font: inherit; }
.panel { width: min(320px, calc(100vw - 40px)); padding: 18px; border-radius: 16px; background: #fff; color: #16202c;
  box-shadow: 0 10px 40px #0b1a2a40; border: 1px solid #d5dde6; }
h2 { margin: 0 0 4px; font-size: 17px; font-weight: 650; }
p { margin: 0 0 12px; color: #3d4c5c; min-height: 1.45em; }
.problem { color: #9b1c1c; }
label { display: block; margin-bottom: 8px; font-size: 13px; color: #3d4c5c; }
input { width: 100%; margin-top: 3px; padding: 8px 10px; border: 1px solid #8595a6; border-radius: 8px; background: #fff; color: inherit; }
button { cursor: pointer; border: 0; border-radius: 10px; padding: 10px 14px; font-weight: 600; background: #e7edf4; color: #16202c; }
button:focus-visible, input:focus-visible { outline: 3px solid #1f6feb; outline-offset: 2px; }
.call { background: #0b6b46; color: #fff; width: 100%; }
.hang { background: #b42318; color: #fff; }
.launch { border-radius: 999px; padding: 14px 20px; background: #0b6b46; color: #fff; box-shadow: 0 6px 24px #0b1a2a40; }
.row { display: flex; gap: 8px; }
.row > * { flex: 1; }
.keys { display: grid; border: 0; padding: 0; grid-template-columns: repeat(3, 1fr); gap: 8px; margin: 0 0 12px; direction: ltr; }
.keys button { padding: 12px 0; font-size: 17px; }
.clock { font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) {
  .panel { background: #16202c; color: #eef3f8; border-color: #33465a; }
  p, label { color: #c3cfdb; }
  input { background: #0f1822; border-color: #7c8da0; }
  button { background: #2a3a4b; color: #eef3f8; }
  .call, .launch { background: #17845a; color: #fff; }
  .hang { background: #c2362a; color: #fff; }
  .problem { color: #ffb4a9; }
}
`;
