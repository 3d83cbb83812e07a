/** The brand's test page: a stand-in for a client's own site that carries the widget as they would. */
import { textsOf } from "./texts.ts";

const key = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const page = document.getElementById("page");

async function show(): Promise<void> {
  const answer = await fetch(`/widget/v1/${encodeURIComponent(key)}`);
  const about = answer.ok
    ? ((await answer.json()) as { brandName: string; language: string; callable: boolean })
    : undefined;
  const { language, texts } = textsOf(about?.language ?? navigator.language.slice(0, 2));
  document.documentElement.lang = language;
  document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
  document.title = about?.brandName ?? "Merkez";
  const heading = document.createElement("h1");
  heading.textContent = about?.brandName ?? "Merkez";
  const words = document.createElement("p");
  words.textContent =
    about === undefined ? texts.unknown : about.callable ? texts.welcome : texts.notCallable;
  page?.append(heading, words);
  if (!about?.callable) return;
  const script = document.createElement("script");
  script.src = "/widget.js";
  script.dataset.key = key;
  script.dataset.open = "true";
  document.body.append(script);
}

const style = document.createElement("style");
style.textContent = `
  body { margin: 0; min-height: 100vh; font: 17px/1.6 system-ui, sans-serif; color: #16202c;
    background: linear-gradient(160deg, #eef4fb, #f8f5ee); }
  main { max-width: 640px; margin: 0 auto; padding: 12vh 24px; }
  h1 { font-size: 40px; line-height: 1.15; margin: 0 0 12px; }
  p { max-width: 46ch; color: #3d4c5c; }
`;
document.head.append(style);
void show();
