import { ActionIcon } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ForecastRun } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { directionOf } from "../../i18n/languages.ts";
import { daysLater, noonOf, ZONELESS } from "./days.ts";
import classes from "./planning.module.css";

interface Props {
  run: ForecastRun;
  first: string;
  onChange: (first: string) => void;
}

/** Which week of a forecast is looked at. */
export function WeekBar({ run, first, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const end = daysLater(run.firstDay ?? first, run.days ?? 7);
  const [Before, After] =
    directionOf(language) === "rtl"
      ? [IconChevronRight, IconChevronLeft]
      : [IconChevronLeft, IconChevronRight];
  const step = (days: number, label: string, Sign: typeof IconChevronLeft) => {
    const next = daysLater(first, days);
    return (
      <ActionIcon
        variant="default"
        size="lg"
        aria-label={label}
        disabled={next < (run.firstDay ?? first) || next >= end}
        onClick={() => onChange(next)}
      >
        <Sign size={18} aria-hidden />
      </ActionIcon>
    );
  };
  return (
    <div className={classes.weeks} data-testid="planning-week">
      {step(-7, t("planning.earlier"), Before)}
      <span aria-live="polite">
        {t("planning.week", { day: formatDate(noonOf(first), language, ZONELESS) })}
      </span>
      {step(7, t("planning.later"), After)}
    </div>
  );
}
