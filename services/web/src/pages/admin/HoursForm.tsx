import { Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { BusinessHours, Holiday, OpenInterval } from "../../api/types.ts";
import { weekdayName } from "../../format/dates.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { AddLine, IconAction, RemoveLine } from "../../ui/RowActions.tsx";

const WEEK = [1, 2, 3, 4, 5, 6, 7];
export const NINE_TO_SIX: OpenInterval[] = WEEK.slice(0, 5).map((weekday) => ({
  weekday,
  startMinute: 540,
  endMinute: 1080,
}));

/** "09:30" for 570; midnight at the end of the day shows as 24:00, which time inputs can't, so as 23:59. */
export function clockOf(minute: number): string {
  const shown = Math.min(minute, 1439);
  return `${String(Math.floor(shown / 60)).padStart(2, "0")}:${String(shown % 60).padStart(2, "0")}`;
}

export function minuteOf(clock: string, end = false): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  const minute = hours * 60 + minutes;
  return end && minute === 1439 ? 1440 : minute;
}

export function HoursForm(props: {
  hours: BusinessHours;
  onClose: () => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const language = useLanguage();
  const [hours, setHours] = useState(props.hours);
  const change = (part: Partial<BusinessHours>) => setHours((before) => ({ ...before, ...part }));
  const intervals = hours.intervals ?? [];
  const { businessHoursId, version } = hours;
  const save = async () => {
    const values = {
      displayName: hours.displayName ?? "",
      timeZone: hours.timeZone ?? "UTC",
      intervals,
      holidays: hours.holidays ?? [],
    };
    if (businessHoursId) {
      const businessHours = { businessHoursId, ...values };
      const body = { businessHours, updateMask: "displayName,timeZone,intervals,holidays", version };
      const path = { "businessHours.businessHoursId": businessHoursId };
      await ask(api.PATCH("/v1/businessHours/{businessHours.businessHoursId}", { params: { path }, body }));
    } else {
      await ask(
        api.POST("/v1/businessHours", { body: { requestId: newRequestId(), businessHours: values } }),
      );
    }
    await props.onSaved();
  };
  const replace = (old: OpenInterval, next: OpenInterval | undefined) =>
    change({ intervals: intervals.flatMap((each) => (each === old ? (next ? [next] : []) : [each])) });
  return (
    <FormModal
      title={businessHoursId ? t("admin.hours.edit") : t("admin.hours.add")}
      onClose={props.onClose}
      onSave={save}
      size="lg"
      testId="hours"
    >
      {(problem) => (
        <>
          <TextField
            label={t("common.name")}
            required
            data-autofocus
            maxLength={120}
            value={hours.displayName ?? ""}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="hours-name"
          />
          <TimeZoneSelect value={hours.timeZone ?? ""} onChange={(timeZone) => change({ timeZone })} />
          <Stack gap={8}>
            {WEEK.map((weekday) => {
              const open = intervals.filter((each) => each.weekday === weekday);
              const add = () =>
                change({ intervals: [...intervals, { weekday, startMinute: 540, endMinute: 1080 }] });
              return (
                <Group key={weekday} align="flex-start" wrap="nowrap" gap="sm">
                  <Text w={112} pt={6} size="sm">
                    {weekdayName(weekday, language)}
                  </Text>
                  <Stack gap={6} style={{ flex: 1 }}>
                    {open.length === 0 && (
                      <Text size="sm" c="dimmed" pt={6}>
                        {t("admin.hours.closed")}
                      </Text>
                    )}
                    {open.map((each) => (
                      <IntervalFields
                        key={`${each.startMinute}-${each.endMinute}`}
                        interval={each}
                        onChange={(next) => replace(each, next)}
                      />
                    ))}
                  </Stack>
                  <IconAction
                    icon={IconPlus}
                    size="lg"
                    onClick={add}
                    label={`${t("common.add")}: ${weekdayName(weekday, language)}`}
                  />
                </Group>
              );
            })}
          </Stack>
          <Holidays holidays={hours.holidays ?? []} onChange={(holidays) => change({ holidays })} />
        </>
      )}
    </FormModal>
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
        aria-label={t("admin.hours.from")}
        defaultValue={clockOf(interval.startMinute ?? 0)}
        onBlur={(event) => onChange({ ...interval, startMinute: minuteOf(event.currentTarget.value) })}
      />
      <span aria-hidden>–</span>
      <TextField
        type="time"
        aria-label={t("admin.hours.to")}
        defaultValue={clockOf(interval.endMinute ?? 0)}
        onBlur={(event) => onChange({ ...interval, endMinute: minuteOf(event.currentTarget.value, true) })}
      />
      <RemoveLine onClick={() => onChange(undefined)} />
    </Group>
  );
}

function Holidays({
  holidays,
  onChange,
}: {
  holidays: readonly Holiday[];
  onChange: (next: Holiday[]) => void;
}) {
  const t = useText();
  const replace = (index: number, part: Partial<Holiday>) =>
    onChange(holidays.map((each, at) => (at === index ? { ...each, ...part } : each)));
  return (
    <Stack gap={8} role="group" aria-label={t("admin.hours.holidays")}>
      <Text size="sm" fw={500}>
        {t("admin.hours.holidays")}
      </Text>
      {holidays.map((holiday, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a holiday has no id, and its fields are being typed
        <Group key={index} gap={8} wrap="nowrap">
          <TextField
            type="date"
            dir="ltr"
            required
            aria-label={t("admin.hours.holidayDate")}
            value={holiday.date ?? ""}
            onChange={(event) => replace(index, { date: event.currentTarget.value })}
          />
          <TextField
            style={{ flex: 1 }}
            aria-label={t("common.name")}
            placeholder={t("common.name")}
            value={holiday.displayName ?? ""}
            onChange={(event) => replace(index, { displayName: event.currentTarget.value })}
          />
          <RemoveLine onClick={() => onChange(holidays.filter((_, at) => at !== index))} />
        </Group>
      ))}
      <AddLine
        label={t("admin.hours.addHoliday")}
        onClick={() => onChange([...holidays, { date: "", displayName: "", intervals: [] }])}
      />
    </Stack>
  );
}
