/** Asks before unsaved work is left: by a link of ours in our own words, by closing the tab in the browser's. */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useText } from "../i18n/index.ts";
import { Confirm } from "./Confirm.tsx";

/** The link to another page of ours that a plain click follows; undefined when it leads nowhere else. */
function followed(event: MouseEvent): string | undefined {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return undefined;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.target || link.origin !== location.origin)
    return undefined;
  return link.pathname === location.pathname ? undefined : link.pathname + link.search + link.hash;
}

export function UnsavedGuard({ dirty }: { dirty: boolean }) {
  const t = useText();
  const [, navigate] = useLocation();
  const [wanted, setWanted] = useState("");
  useEffect(() => {
    if (!dirty) return;
    const onClick = (event: MouseEvent) => {
      const address = followed(event);
      if (!address) return;
      event.preventDefault();
      event.stopPropagation();
      setWanted(address);
    };
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    // Before the router's own listener, which would already have gone.
    document.addEventListener("click", onClick, { capture: true });
    window.addEventListener("beforeunload", onUnload);
    return () => {
      document.removeEventListener("click", onClick, { capture: true });
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [dirty]);
  return (
    <Confirm
      opened={wanted !== ""}
      title={t("unsaved.title")}
      body={t("unsaved.body")}
      confirm={t("unsaved.leave")}
      onClose={() => setWanted("")}
      onConfirm={async () => navigate(wanted)}
    />
  );
}
