/** A part of the app that is loaded when it is first shown, together with the styles only such parts need. */

import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import { loadPageMessages } from "../i18n/index.ts";

type Module<P> = { default: ComponentType<P> };

export function lazyPage<P>(load: () => Promise<Module<P>>): LazyExoticComponent<ComponentType<P>> {
  return lazy(async () => {
    const [page] = await Promise.all([load(), import("../theme/pageStyles.ts"), loadPageMessages()]);
    return page;
  });
}
