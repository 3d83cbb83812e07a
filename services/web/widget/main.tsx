/** @jsxImportSource preact */
/**
 * The customer widget. A client's page includes it with its brand's public key:
 *   <script async src="https://…/widget.js" data-key="wgt_…"></script>
 * `data-open="true"` shows the panel at once.
 */
import { render } from "preact";
import { Call } from "./call.ts";
import { STYLE } from "./style.ts";
import { textsOf } from "./texts.ts";
import { type Brand, Widget } from "./Widget.tsx";

async function begin(script: HTMLScriptElement): Promise<void> {
  const key = script.dataset.key ?? "";
  const base = new URL(script.src).origin;
  const answer = await fetch(`${base}/widget/v1/${encodeURIComponent(key)}`);
  if (!answer.ok) throw new Error(`Merkez widget: the key ${key} isn't in use`);
  const about: { brandName: string; language: string } = await answer.json();
  const brand: Brand = { name: about.brandName, ...textsOf(about.language) };
  const host = document.createElement("merkez-widget");
  host.lang = brand.language;
  host.dir = brand.language === "fa" ? "rtl" : "ltr";
  const root = host.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = STYLE;
  const place = document.createElement("div");
  root.append(style, place);
  document.body.append(host);
  const draw = () =>
    render(<Widget call={call} brand={brand} open={script.dataset.open === "true"} />, place);
  const call = new Call(base, key, () => queueMicrotask(draw));
  Object.defineProperty(window, "__merkezWidget", {
    configurable: true,
    value: Object.freeze({
      get state() {
        return { ...call.state };
      },
      dominantFrequency: () => call.listening.dominantFrequency(),
      level: () => call.listening.level(),
    }),
  });
  draw();
}

const own = document.currentScript;
if (own instanceof HTMLScriptElement) {
  if (document.body) void begin(own);
  else addEventListener("DOMContentLoaded", () => void begin(own));
}
