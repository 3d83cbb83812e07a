import { ActionIcon } from "@mantine/core";
import { IconMenu2 } from "@tabler/icons-react";
import { type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { CallDock } from "../desktop/ui/CallDock.tsx";
import { StateMenu } from "../desktop/ui/StateMenu.tsx";
import { useText } from "../i18n/index.ts";
import { mayEnter } from "../session/roles.ts";
import { useSession } from "../session/session.ts";
import { useSocketStatus } from "../socket/live.ts";
import { LanguageMenu } from "./LanguageMenu.tsx";
import { lazyPage } from "./lazyPage.ts";
import { Navigation } from "./Navigation.tsx";
import { Note } from "./Note.tsx";
import classes from "./Shell.module.css";
import { ThemeMenu } from "./ThemeMenu.tsx";
import { UserMenu } from "./UserMenu.tsx";
import uiClasses from "./ui.module.css";

// Only who manages has any, so an agent's desktop doesn't wait for them.
const Notices = lazyPage(() => import("./Notices.tsx"));
const MyNotices = lazyPage(() => import("../pages/mine/MyNotices.tsx"));

// Most agents have none most of the time.
const MyOffers = lazyPage(() => import("../pages/planning/intraday/MyOffers.tsx"));

/** The frame of every page behind the sign-in: navigation, the agent's state, banners, and the call dock. */
export function Shell({ children }: { children: ReactNode }) {
  const t = useText();
  const session = useSession();
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const role = session.status === "signedIn" ? session.user.role : undefined;
  useCloseOnNavigation(() => setOpen(false));
  return (
    <div className={classes.shell}>
      <a className={uiClasses.skipLink} href="#main" onClick={() => main.current?.focus()}>
        {t("common.skipToContent")}
      </a>
      <nav className={classes.side} data-open={open} aria-label={t("common.menu")} data-testid="navigation">
        <Navigation role={role} />
      </nav>
      <button
        type="button"
        className={classes.scrim}
        data-open={open}
        onClick={() => setOpen(false)}
        aria-label={t("common.close")}
      />
      <div className={classes.column}>
        <header className={classes.top}>
          <ActionIcon
            className={classes.burger}
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t("common.menu")}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            <IconMenu2 size={20} aria-hidden />
          </ActionIcon>
          {mayEnter(role, "desktop") && <StateMenu />}
          <span className={classes.topSpace} />
          <LanguageMenu compact />
          <ThemeMenu />
          <UserMenu />
        </header>
        <Banners
          manage={mayEnter(role, "manage") || mayEnter(role, "pay")}
          works={mayEnter(role, "desktop")}
        />
        <main id="main" ref={main} className={classes.main} tabIndex={-1}>
          {children}
        </main>
        {mayEnter(role, "desktop") && <CallDock />}
      </div>
    </div>
  );
}

function Banners({ manage, works }: { manage: boolean; works: boolean }) {
  const t = useText();
  const status = useSocketStatus();
  const lost = useLasting(status === "waiting" || status === "connecting", 2500);
  return (
    <div className={classes.banners} style={{ paddingBlockStart: lost ? undefined : 0 }}>
      {lost && (
        <Note tone="warn" live testId="socket-lost">
          {t("common.offline")}
        </Note>
      )}
      <Suspense>
        {manage && <Notices />}
        {works && <MyNotices />}
        {works && <MyOffers />}
      </Suspense>
    </div>
  );
}

/** True once `active` has lasted: a connection that is back at once needs no banner. */
function useLasting(active: boolean, ms: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!active) return setLasting(false);
    const timer = setTimeout(() => setLasting(true), ms);
    return () => clearTimeout(timer);
  }, [active, ms]);
  return lasting;
}

function useCloseOnNavigation(close: () => void): void {
  const [location] = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a change of place closes the menu
  useEffect(close, [location]);
}
