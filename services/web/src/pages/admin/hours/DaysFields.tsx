import { Group, Stack } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import type { Problem } from "../../../api/problem.ts";
import type { Holiday, OpenInterval } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { HINT_BELOW, TextField } from "../../../ui/fields.tsx";
import { AddLine, IconAction } from "../../../ui/RowActions.tsx";
import { IntervalFields } from "../../../ui/WeekFields.tsx";
import { Said } from "../rules/ListLevels.tsx";
import classes from "../rules/rules.module.css";
import own from "./hours.module.css";

interface Props {
  days: readonly Holiday[];
  problem: Problem | undefined;
  onChange: (days: Holiday[]) => void;
}

/** Days and ranges that differ from the week: closed, or open at hours of their own. */
export function DaysFields({ days, problem, onChange }: Props) {
  const t = useText();
  const said = (at: number, field = "") => {
    const place = `businessHours.holidays[${at}]${field}`;
    return problem?.fields.find((each) => each.field.startsWith(place))?.description;
  };
  return (
    <fieldset className={classes.part} data-testid="hours-days">
      <legend>{t("hours.days")}</legend>
      <p className={classes.lead}>{t("hours.daysLead")}</p>
      {days.map((day, at) => (
        <DayCard
          // biome-ignore lint/suspicious/noArrayIndexKey: a day has no id, and its fields are being typed
          key={at}
          at={at}
          day={day}
          said={(field) => said(at, field)}
          onChange={(next) => onChange(days.map((each, index) => (index === at ? next : each)))}
          onRemove={() => onChange(days.filter((_, index) => index !== at))}
        />
      ))}
      <AddLine
        label={t("hours.addDay")}
        onClick={() => onChange([...days, { date: "", displayName: "", intervals: [] }])}
        testId="hours-add-day"
      />
    </fieldset>
  );
}

interface CardProps {
  at: number;
  day: Holiday;
  said: (field?: string) => string | undefined;
  onChange: (day: Holiday) => void;
  onRemove: () => void;
}

function DayCard({ at, day, said, onChange, onRemove }: CardProps) {
  const t = useText();
  const values = { number: formatNumber(at + 1, useLanguage()) };
  const shown = said(".date") ?? said(".endDate");
  return (
    <section className={own.day} aria-label={t("hours.dayNumber", values)} data-testid={`hours-day-${at}`}>
      <Group justify="space-between" wrap="nowrap">
        <span className={classes.from}>{t("hours.dayNumber", values)}</span>
        <IconAction label={t("hours.removeDay", values)} icon={IconTrash} onClick={onRemove} />
      </Group>
      <div className={own.dates}>
        <TextField
          type="date"
          dir="ltr"
          required
          label={t("hours.firstDay")}
          value={day.date ?? ""}
          error={said(".date")}
          onChange={(event) => onChange({ ...day, date: event.currentTarget.value })}
          data-testid={`hours-day-${at}-first`}
        />
        <TextField
          type="date"
          dir="ltr"
          label={t("hours.lastDay")}
          description={t("hours.lastDayHint")}
          inputWrapperOrder={HINT_BELOW}
          value={day.endDate ?? ""}
          error={said(".endDate")}
          onChange={(event) => onChange({ ...day, endDate: event.currentTarget.value })}
          data-testid={`hours-day-${at}-last`}
        />
        <TextField
          label={t("hours.dayName")}
          maxLength={200}
          value={day.displayName ?? ""}
          onChange={(event) => onChange({ ...day, displayName: event.currentTarget.value })}
          data-testid={`hours-day-${at}-name`}
        />
      </div>
      <Intervals
        intervals={day.intervals ?? []}
        onChange={(intervals) => onChange({ ...day, intervals })}
        testId={`hours-day-${at}-add`}
      />
      {!shown && said() && <Said text={said() ?? ""} testId={`hours-day-${at}-said`} />}
    </section>
  );
}

function Intervals(props: {
  intervals: readonly OpenInterval[];
  onChange: (intervals: OpenInterval[]) => void;
  testId: string;
}) {
  const t = useText();
  const { intervals, onChange } = props;
  return (
    <Stack gap={6} align="flex-start">
      <span className={classes.quiet}>
        {intervals.length > 0 ? t("hours.dayOpen") : t("admin.hours.closed")}
      </span>
      {intervals.map((each, at) => (
        <IntervalFields
          // biome-ignore lint/suspicious/noArrayIndexKey: drawn anew with more or fewer lines, never while one is typed into
          key={`${at} ${intervals.length}`}
          interval={each}
          onChange={(next) =>
            onChange(intervals.flatMap((one) => (one === each ? (next ? [next] : []) : [one])))
          }
        />
      ))}
      <AddLine
        label={t("hours.addTime")}
        onClick={() => onChange([...intervals, { startMinute: 600, endMinute: 840 }])}
        testId={props.testId}
      />
    </Stack>
  );
}
