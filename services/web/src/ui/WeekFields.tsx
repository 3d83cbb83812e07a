import { Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import type { OpenInterval } from "../api/types.ts";
import { weekdayName } from "../format/dates.ts";
import { clockOf, minuteOf, WEEK } from "../format/weeks.ts";
import { useLanguage, useText } from "../i18n/index.ts";
import { TextField } from "./fields.tsx";
import { IconAction, RemoveLine } from "./RowActions.tsx";

interface Props {
  intervals: readonly OpenInterval[];
  onChange: (intervals: OpenInterval[]) => void;
  /** Minutes that a new line begins with. */
  usual?: readonly [number, number];
}

/** Hours of each day of the week. */
export function WeekFields({ intervals, onChange, usual = [540, 1080] }: Props) {
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
          <Group key={weekday} align="flex-start" wrap="nowrap" gap="sm" role="group" aria-label={day}>
            <Text w={112} pt={6} size="sm" aria-hidden style={{ flexShrink: 0 }}>
              {day}
            </Text>
            <Stack gap={6} style={{ flex: 1, minWidth: 0 }}>
              {open.length === 0 && (
                <Text size="sm" c="dimmed" pt={6}>
                  {t("admin.hours.closed")}
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
            <IconAction
              icon={IconPlus}
              size="lg"
              onClick={() => onChange([...intervals, { weekday, startMinute, endMinute }])}
              label={`${t("common.add")}: ${day}`}
            />
          </Group>
        );
      })}
    </Stack>
  );
}

function IntervalFields(props: {
  interval: OpenInterval;
  onChange: (next: OpenInterval | undefined) => void;
}) {
  const t = useText();
  const { interval, onChange } = props;
  return (
    <Group gap={6} wrap="nowrap" dir="ltr">
      <TextField
        type="time"
        required
        aria-label={t("admin.hours.from")}
        defaultValue={clockOf(interval.startMinute ?? 0)}
        // A clock that is half typed has no value yet.
        onChange={({ currentTarget: { value } }) =>
          value && onChange({ ...interval, startMinute: minuteOf(value) })
        }
      />
      <span aria-hidden>–</span>
      <TextField
        type="time"
        required
        aria-label={t("admin.hours.to")}
        defaultValue={clockOf(interval.endMinute ?? 0)}
        onChange={({ currentTarget: { value } }) =>
          value && onChange({ ...interval, endMinute: minuteOf(value, true) })
        }
      />
      <RemoveLine onClick={() => onChange(undefined)} />
    </Group>
  );
}
