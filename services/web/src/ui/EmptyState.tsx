import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./ui.module.css";

/** Nothing here yet, why, and the next step. */
export function EmptyState({
  icon: Sign,
  title,
  children,
  action,
}: {
  icon: Icon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.empty} data-testid="empty-state">
      <span className={classes.emptyIcon}>
        <Sign size={26} stroke={1.6} aria-hidden />
      </span>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}
