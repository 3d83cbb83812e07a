import type { ReactNode } from "react";
import { usePageTitle } from "./title.ts";
import classes from "./ui.module.css";

interface HeaderProps {
  title: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, subtitle, actions }: HeaderProps) {
  usePageTitle(title);
  return (
    <header className={classes.pageHeader}>
      <div>
        <h1>{title}</h1>
        {subtitle && <p className={classes.subtitle}>{subtitle}</p>}
      </div>
      {actions && <div style={{ display: "flex", gap: 8, flexWrap: "wrap" }}>{actions}</div>}
    </header>
  );
}

interface PanelProps {
  children: ReactNode;
  /** No padding: for tables and lists that reach the edge. */
  flush?: boolean;
  label?: string;
  testId?: string;
  style?: React.CSSProperties;
}

export function Panel({ children, flush, label, testId, style }: PanelProps) {
  const className = flush ? `${classes.panel} ${classes.panelFlush}` : classes.panel;
  return (
    <section className={className} aria-label={label} data-testid={testId} style={style}>
      {children}
    </section>
  );
}
