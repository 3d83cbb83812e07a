/** The browser tab's title: the call first, then the page, then the product. */
import { useEffect } from "react";

const parts = { call: "", page: "" };

function write(part: keyof typeof parts, text: string): void {
  parts[part] = text;
  document.title = [parts.call, parts.page, "Merkez"].filter(Boolean).join(" · ");
}

function useTitle(part: keyof typeof parts, text: string): void {
  useEffect(() => {
    write(part, text);
    return () => write(part, "");
  }, [part, text]);
}

/** Names the page for tabs, history and screen readers (WCAG 2.4.2). */
export function usePageTitle(text: string): void {
  useTitle("page", text);
}

/** What the agent's call is doing, so that it is seen from any other tab. */
export function useCallTitle(text: string): void {
  useTitle("call", text);
}
