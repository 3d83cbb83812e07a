import { Textarea } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf, useUsers } from "../../../api/names.ts";
import type { AdherenceExceptionKind } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { serverNow } from "../../../socket/live.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../../ui/fields.tsx";
import { instantOf } from "../days.ts";
import classes from "./intraday.module.css";
import { wallOf } from "./walls.ts";

export const KINDS = [
  "TRAINING",
  "MEETING",
  "COACHING",
  "SYSTEM_PROBLEM",
  "LONG_CONTACT",
  "SICK",
  "PERSONAL",
  "OTHER",
] as const;
const EVERYBODY = "everybody";

interface Props {
  /** Whose time; empty while that is to be chosen. */
  userId: string;
  /** Since when they have been out. */
  since: string | undefined;
  zone: string;
  onClose: () => void;
}

/** Excuses time of one agent, or of everybody. */
export function ExceptionForm({ userId, since, zone, onClose }: Props) {
  const t = useText();
  const queries = useQueryClient();
  const users = useUsers().data ?? [];
  const [who, setWho] = useState(userId || EVERYBODY);
  const [kind, setKind] = useState<string>("MEETING");
  const [from, setFrom] = useState(() => wallOf(since ?? new Date(serverNow()), zone));
  const [until, setUntil] = useState(() => wallOf(new Date(serverNow() + 1_800_000), zone));
  const [note, setNote] = useState("");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const adherenceException = {
      userId: who === EVERYBODY ? "" : who,
      kind: `ADHERENCE_EXCEPTION_KIND_${kind}` as AdherenceExceptionKind,
      startTime: instantOf(from, zone).toISOString(),
      endTime: instantOf(until, zone).toISOString(),
      note,
    };
    await ask(api.POST("/v1/wfm/adherenceExceptions", { body: { requestId, adherenceException } }));
    await queries.invalidateQueries({ queryKey: ["adherence"] });
  };
  return (
    <FormModal title={t("adherence.excuse")} onClose={onClose} onSave={save} testId="exception">
      <p className={classes.lead}>
        {t("adherence.excuseLead")} {t("schedules.zone", { zone })}
      </p>
      <SelectField
        label={t("adherence.who")}
        searchable
        allowDeselect={false}
        data={[{ value: EVERYBODY, label: t("adherence.everybody") }, ...optionsOf(users, "userId")]}
        value={who}
        onChange={(next) => next && setWho(next)}
        data-testid="exception-who"
      />
      <SelectField
        label={t("adherence.why")}
        allowDeselect={false}
        data={KINDS.map((each) => ({ value: each, label: t(`adherenceKind.${each}`) }))}
        value={kind}
        onChange={(next) => next && setKind(next)}
        data-testid="exception-kind"
      />
      <div className={classes.pair}>
        <TextField
          type="datetime-local"
          required
          label={t("adherence.fromField")}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          data-testid="exception-from"
        />
        <TextField
          type="datetime-local"
          required
          label={t("adherence.untilField")}
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
          data-testid="exception-until"
        />
      </div>
      <Textarea
        label={t("adherence.note")}
        maxLength={500}
        autosize
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        data-testid="exception-note"
      />
    </FormModal>
  );
}
