import type { ReactNode } from "react";
import { LanguageMenu } from "../../ui/LanguageMenu.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { ThemeMenu } from "../../ui/ThemeMenu.tsx";
import { usePageTitle } from "../../ui/title.ts";
import classes from "./start.module.css";

/** The frame of the pages before and around sign-in. */
export function StartFrame({
  children,
  width,
  actions,
}: {
  children: ReactNode;
  width?: "narrow" | "medium";
  actions?: ReactNode;
}) {
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        <Logo />
        <span className={classes.barSpace} />
        {actions}
        <LanguageMenu />
        <ThemeMenu />
      </header>
      <main className={`${classes.center} ${width ? classes[width] : ""}`}>{children}</main>
    </div>
  );
}

export function Lead({ title, children }: { title: string; children?: ReactNode }) {
  usePageTitle(title);
  return (
    <div className={classes.lead}>
      <h1>{title}</h1>
      {children && <p>{children}</p>}
    </div>
  );
}
