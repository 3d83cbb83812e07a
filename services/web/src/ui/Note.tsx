import { ActionIcon } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useText } from "../i18n/index.ts";
import classes from "./ui.module.css";

export type Tone = "info" | "good" | "warn" | "bad" | "neutral";

interface Props {
  tone?: Tone;
  title?: ReactNode;
  children?: ReactNode;
  onClose?: () => void;
  testId?: string;
  /** Says it aloud when it appears. */
  live?: boolean;
}

const ICONS = {
  info: IconInfoCircle,
  good: IconCircleCheck,
  warn: IconAlertTriangle,
  bad: IconAlertTriangle,
  neutral: IconInfoCircle,
};

export function Note({ tone = "info", title, children, onClose, testId, live }: Props) {
  const t = useText();
  const Icon = ICONS[tone];
  return (
    <div
      className={`${classes.note} ${classes[tone]}`}
      data-testid={testId}
      role={live ? (tone === "bad" ? "alert" : "status") : undefined}
    >
      <Icon size={20} aria-hidden />
      <div className={classes.noteBody}>
        {title && <div className={classes.noteTitle}>{title}</div>}
        {children && <div className={classes.noteText}>{children}</div>}
      </div>
      {onClose && (
        <ActionIcon variant="subtle" color="gray" size="sm" onClick={onClose} aria-label={t("common.close")}>
          <IconX size={16} aria-hidden />
        </ActionIcon>
      )}
    </div>
  );
}

export function Tag({
  tone = "neutral",
  dot,
  children,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
}) {
  return (
    <span className={`${classes.tag} ${classes[tone]}`}>
      {dot && <span className={classes.dot} aria-hidden />}
      {children}
    </span>
  );
}
