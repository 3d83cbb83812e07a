import { Checkbox, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Schedule } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { weekText } from "../weeks.ts";

interface Props {
  schedule: Schedule;
  onClose: () => void;
  onDone: (schedule: Schedule) => Promise<unknown>;
}

/** Makes a draft what the week's agents work by. */
export function Publish({ schedule, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [accepted, setAccepted] = useState(false);
  const broken = schedule.violationCount ?? 0;
  const save = async () => {
    const params = { path: { scheduleId: schedule.scheduleId ?? "" } };
    const body = { version: schedule.version ?? "0", acceptViolations: accepted };
    await onDone(await ask(api.POST("/v1/wfm/schedules/{scheduleId}:publish", { params, body })));
  };
  return (
    <FormModal
      title={t("schedules.publish")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("schedules.publish")}
      saveDisabled={broken > 0 && !accepted}
      testId="publish"
    >
      <Text size="sm">{t("schedules.publishLead", { day: weekText(schedule.firstDay, language) })}</Text>
      {broken > 0 && (
        <Checkbox
          label={t("schedules.publishBroken", { count: formatNumber(broken, language) })}
          checked={accepted}
          onChange={({ currentTarget }) => setAccepted(currentTarget.checked)}
          data-testid="publish-accept"
        />
      )}
    </FormModal>
  );
}

/** Makes a draft that is the same. */
export function Copy({ schedule, onClose, onDone }: Props) {
  const t = useText();
  const [name, setName] = useState(schedule.displayName ?? "");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const params = { path: { scheduleId: schedule.scheduleId ?? "" } };
    const body = { requestId, displayName: name.trim() };
    await onDone(await ask(api.POST("/v1/wfm/schedules/{scheduleId}:copy", { params, body })));
  };
  return (
    <FormModal
      title={t("schedules.copy")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("schedules.copy")}
      testId="copy"
    >
      <Text size="sm">{t("schedules.copyLead")}</Text>
      <TextField
        label={t("common.name")}
        maxLength={100}
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
    </FormModal>
  );
}
