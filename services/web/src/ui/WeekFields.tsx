import { Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import type { OpenInterval } from "../api/types.ts";
import { weekdayName } from "../format/dates.ts";
import { clockOf, isOvernight, minuteOf, spanning, WEEK } from "../format/weeks.ts";
import { useLanguage, useText } from "../i18n/index.ts";
import { TextField } from "./fields.tsx";
import { IconAction, RemoveLine } from "./RowActions.tsx";

interface Props {
  intervals: readonly OpenInterval[];
  onChange: (intervals: OpenInterval[]) => void;
  /** What is said of a day without hours. */
  closed: string;
  /** Minutes that a new line begins with. */
  usual?: readonly [number, number];
}

/** Hours of each day of the week. */
export function WeekFields({ intervals, onChange, closed, usual = [540, 1080] }: Props) {
  const t = useText();
  const language = useLanguage();
  const replace = (old: OpenInterval, next: OpenInterval | undefined) =>
    onChange(intervals.flatMap((each) => (each === old ? (next ? [next] : []) : [each])));
  return (
    <Stack gap={8}>
      {WEEK.map((weekday) => {
        const day = weekdayName(weekday, language);
        const open = intervals.filter((each) => each.weekday === weekday);
        const [startMinute, endMinute] = usual;
        return (
          // On a phone the hours stand below their day.
          <Group key={weekday} align="flex-start" gap="4px 12px" role="group" aria-label={day}>
            <Group w={168} wrap="nowrap" gap={4} justify="space-between">
              <Text size="sm" aria-hidden>
                {day}
              </Text>
              <IconAction
                icon={IconPlus}
                size="lg"
                onClick={() => onChange([...intervals, { weekday, startMinute, endMinute }])}
                label={`${t("common.add")}: ${day}`}
              />
            </Group>
            <Stack gap={6} align="flex-start" style={{ flex: "1 1 290px", minWidth: 0 }}>
              {open.length === 0 && (
                <Text size="sm" c="dimmed" pt={6}>
                  {closed}
                </Text>
              )}
              {open.map((each, at) => (
                <IntervalFields
                  // biome-ignore lint/suspicious/noArrayIndexKey: drawn anew with more or fewer lines, never while one is typed into
                  key={`${at} ${open.length}`}
                  interval={each}
                  onChange={(next) => replace(each, next)}
                />
              ))}
            </Stack>
          </Group>
        );
      })}
    </Stack>
  );
}

/** From when to when; an end that is not after the start is on the next day. */
export function IntervalFields(props: {
  interval: OpenInterval;
  onChange: (next: OpenInterval | undefined) => void;
}) {
  const t = useText();
  const { interval, onChange } = props;
  return (
    <Group gap={6} wrap="nowrap" dir="ltr">
      <Clock
        label={t("admin.hours.from")}
        minute={interval.startMinute ?? 0}
        onChange={(clock) => onChange(spanning({ ...interval, startMinute: minuteOf(clock) }))}
      />
      <span aria-hidden>–</span>
      <Clock
        label={t("admin.hours.to")}
        minute={interval.endMinute ?? 0}
        onChange={(clock) => onChange(spanning({ ...interval, endMinute: minuteOf(clock, true) }))}
      />
      {isOvernight(interval) && (
        <Text size="xs" c="dimmed" dir="auto">
          {t("hours.overnight")}
        </Text>
      )}
      <RemoveLine onClick={() => onChange(undefined)} />
    </Group>
  );
}

/** A time of day. One that is half typed has no value yet, and changes nothing. */
function Clock(props: { label: string; minute: number; onChange: (clock: string) => void }) {
  const [clock, setClock] = useState(clockOf(props.minute));
  return (
    <TextField
      type="time"
      required
      aria-label={props.label}
      value={clock}
      onChange={({ currentTarget: { value } }) => {
        setClock(value);
        if (value) props.onChange(value);
      }}
    />
  );
}
