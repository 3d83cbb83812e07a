import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { BusinessHours } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { WeekFields } from "../../ui/WeekFields.tsx";
import { CalendarFields } from "./hours/CalendarFields.tsx";
import { DaysFields } from "./hours/DaysFields.tsx";
import { HoursPreview } from "./hours/HoursPreview.tsx";

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
      ...(hours.calendar?.country ? { calendar: hours.calendar } : {}),
    };
    if (businessHoursId) {
      const businessHours = { businessHoursId, ...values };
      const body = { businessHours, updateMask: "displayName,timeZone,intervals,holidays,calendar", version };
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
          <HoursPreview hours={hours} />
          <CalendarFields hours={hours} problem={problem} onChange={(calendar) => change({ calendar })} />
          <DaysFields
            days={hours.holidays ?? []}
            problem={problem}
            onChange={(holidays) => change({ holidays })}
          />
        </>
      )}
    </FormModal>
  );
}
