/** Whether a person sees flows as a list or on a canvas; remembered in this browser for each person. */
import { useState } from "react";
import { useMe } from "../../../session/session.ts";

export type View = "list" | "canvas";

/** A step to be shown; each is another object, so that the same step can be asked for twice. */
export interface Wanted {
  stepId: string;
}

const KEY = "merkez.flows.view";
/** Narrower than this the page has one column, and a canvas shows a few steps at best. */
const WIDE = "(min-width: 1001px)";

export function useView(): [View, (view: View) => void] {
  const key = `${KEY}.${useMe()}`;
  const [view, setView] = useState<View>(() => remembered(key) ?? usual());
  return [
    view,
    (next) => {
      setView(next);
      try {
        localStorage.setItem(key, next);
      } catch {
        // Without storage the choice lasts until the page is left.
      }
    },
  ];
}

function remembered(key: string): View | undefined {
  try {
    const stored = localStorage.getItem(key);
    return stored === "list" || stored === "canvas" ? stored : undefined;
  } catch {
    return undefined; // storage can be forbidden by the browser's settings
  }
}

const usual = (): View => (window.matchMedia(WIDE).matches ? "canvas" : "list");
