import { Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { BusinessHours, Holiday } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { WeekFields } from "../../ui/WeekFields.tsx";

export function HoursForm(props: {
  hours: BusinessHours;
  onClose: () => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
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
          <WeekFields
            intervals={intervals}
            closed={t("admin.hours.closed")}
            onChange={(next) => change({ intervals: next })}
          />
          <Holidays holidays={hours.holidays ?? []} onChange={(holidays) => change({ holidays })} />
        </>
      )}
    </FormModal>
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
