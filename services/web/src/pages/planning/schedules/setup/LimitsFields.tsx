import { Checkbox, Group, NumberInput, Stack } from "@mantine/core";
import { useState } from "react";
import type { LabourLimits } from "../../../../api/types.ts";
import { type MessageKey, useLanguage, useText } from "../../../../i18n/index.ts";
import { MultiSelectField, TextField } from "../../../../ui/fields.tsx";
import { AddLine, RemoveLine } from "../../../../ui/RowActions.tsx";
import planning from "../../planning.module.css";
import { clockText, minuteIn } from "../words.ts";
import { numberIn, weekdayOptions } from "./setup.ts";

type Figure = Exclude<keyof LabourLimits, "nightForbidden" | "freeWeekdays" | "breaks">;

/** Figures as people write them: hours, days. */
const FIGURES: readonly { name: Figure; label: MessageKey; hours?: true; most: number }[] = [
  { name: "maxDayMinutes", label: "scheduleClash.max_day", hours: true, most: 24 },
  { name: "maxWeekMinutes", label: "scheduleClash.max_week", hours: true, most: 168 },
  { name: "minRestMinutes", label: "scheduleClash.min_rest", hours: true, most: 24 },
  { name: "minWeeklyRestMinutes", label: "scheduleClash.min_weekly_rest", hours: true, most: 96 },
  { name: "maxStretchMinutes", label: "scheduleClash.max_stretch", hours: true, most: 24 },
  { name: "maxConsecutiveDays", label: "scheduleClash.max_consecutive_days", most: 14 },
  { name: "maxWeekends", label: "schedules.maxWeekends", most: 4 },
  { name: "nightShiftMinutes", label: "schedules.nightFrom", hours: true, most: 24 },
  { name: "maxNightShiftMinutes", label: "scheduleClash.max_night_day", hours: true, most: 24 },
];

interface Props {
  limits: LabourLimits;
  onChange: (limits: LabourLimits) => void;
  testId: string;
}

/** Limits of a law or an agreement. Empty means that there is none. */
export function LimitsFields({ limits, onChange, testId }: Props) {
  const t = useText();
  const language = useLanguage();
  const set = (change: Partial<LabourLimits>) => onChange({ ...limits, ...change });
  return (
    <Stack gap="sm">
      <div className={planning.pair}>
        {FIGURES.map(({ name, label, hours, most }) => (
          <NumberInput
            key={name}
            label={hours ? t("schedules.inHours", { what: t(label) }) : t(label)}
            min={0}
            max={most}
            decimalScale={hours ? 2 : 0}
            value={limits[name] ? (limits[name] ?? 0) / (hours ? 60 : 1) : ""}
            onChange={(next) => set({ [name]: Math.round(numberIn(next) * (hours ? 60 : 1)) })}
            data-testid={`${testId}-${name}`}
          />
        ))}
        <TimeOfDay
          label={t("schedules.nightStart")}
          minute={limits.nightStartMinute ?? 0}
          onChange={(nightStartMinute) => set({ nightStartMinute })}
        />
        <TimeOfDay
          label={t("schedules.nightEnd")}
          minute={limits.nightEndMinute ?? 0}
          onChange={(nightEndMinute) => set({ nightEndMinute })}
        />
      </div>
      <Checkbox
        label={t("scheduleClash.night_forbidden")}
        checked={limits.nightForbidden ?? false}
        onChange={({ currentTarget }) => set({ nightForbidden: currentTarget.checked })}
      />
      <MultiSelectField
        label={t("scheduleClash.free_weekdays")}
        data={weekdayOptions(language)}
        value={(limits.freeWeekdays ?? []).map(String)}
        onChange={(days) => set({ freeWeekdays: days.map(Number).sort() })}
      />
      <Stack gap={6} role="group" aria-label={t("scheduleClash.breaks_due")}>
        {(limits.breaks ?? []).map((each, at) => {
          const change = (to: object | undefined) =>
            set({
              breaks: (limits.breaks ?? []).flatMap((line, place) =>
                place !== at ? [line] : to ? [{ ...line, ...to }] : [],
              ),
            });
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have nothing of their own to be known by
            <Group key={at} gap="sm" align="flex-end" wrap="nowrap">
              <NumberInput
                label={t("schedules.afterHours")}
                min={0}
                max={24}
                decimalScale={2}
                value={(each.workMinutes ?? 0) / 60}
                onChange={(next) => change({ workMinutes: Math.round(numberIn(next) * 60) })}
              />
              <NumberInput
                label={t("schedules.breakMinutes")}
                min={1}
                max={240}
                value={each.breakMinutes ?? 0}
                onChange={(next) => change({ breakMinutes: numberIn(next) })}
              />
              <RemoveLine onClick={() => change(undefined)} size="lg" />
            </Group>
          );
        })}
      </Stack>
      <AddLine
        label={t("schedules.breakDueAdd")}
        onClick={() => set({ breaks: [...(limits.breaks ?? []), { workMinutes: 360, breakMinutes: 30 }] })}
      />
    </Stack>
  );
}

interface TimeProps {
  label: string;
  minute: number;
  onChange: (minute: number) => void;
  testId?: string;
}

/** A time of day; one that is half typed changes nothing. */
export function TimeOfDay({ label, minute, onChange, testId }: TimeProps) {
  const [text, setText] = useState(clockText(minute % 1440));
  return (
    <TextField
      type="time"
      label={label}
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value);
        const read = minuteIn(currentTarget.value);
        if (read !== undefined) onChange(read);
      }}
      data-testid={testId}
    />
  );
}
