import { NumberInput } from "@mantine/core";
import { IconBeach } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { api, ask, newRequestId } from "../../../../api/client.ts";
import type { TimeOff } from "../../../../api/types.ts";
import { formatDateTime } from "../../../../format/dates.ts";
import { useLanguage, useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../../../ui/fields.tsx";
import { daysLater } from "../../days.ts";
import planning from "../../planning.module.css";
import { useSeries } from "../../usePlanning.ts";
import { atMinute, midnightOf, wallOf } from "../time.ts";
import { usePeopleNames, usePlannedAgents, useTimeOff } from "../useSchedules.ts";
import { lengthText, minuteIn } from "../words.ts";
import { SetupList } from "./SetupList.tsx";
import { numberIn, useRefreshSetup } from "./setup.ts";

const BACK = 28;
const AHEAD = 366;

/** When agents are away, as managers enter it. */
export function TimeOffList({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSetup();
  const zone = useSeries().data?.zone ?? "UTC";
  const planned = usePlannedAgents().data;
  const nameOf = usePeopleNames();
  const [start, end] = useMemo(() => {
    const today = wallOf(Date.now(), zone).day;
    return [daysLater(today, -BACK), daysLater(today, AHEAD)].map((day) =>
      new Date(midnightOf(day, zone)).toISOString(),
    );
  }, [zone]);
  const found = useTimeOff(start ?? "", end ?? "");
  return (
    <SetupList<TimeOff>
      noun="time-off"
      title={t("schedules.part.timeOff")}
      lead={t("schedules.timeOffLead")}
      icon={IconBeach}
      rows={found.data}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.timeOffId ?? ""}
      nameOf={(row) => nameOf(row.userId)}
      mayChange={mayChange}
      addLabel={t("schedules.timeOffAdd")}
      missing={planned?.length === 0 ? t("schedules.agentsFirst") : undefined}
      editable={false}
      removeBody={t("schedules.timeOffRemoveBody")}
      remove={async (timeOffId) => {
        await ask(api.DELETE("/v1/wfm/timeOff/{timeOffId}", { params: { path: { timeOffId } } }));
        await refresh();
      }}
      form={(_, onClose) => <TimeOffForm zone={zone} onClose={onClose} onSaved={refresh} />}
      columns={[
        { head: t("schedules.agent"), cell: (row) => <bdi>{nameOf(row.userId)}</bdi> },
        { head: t("schedules.from"), cell: (row) => formatDateTime(row.startTime, language, zone) },
        { head: t("schedules.until"), cell: (row) => formatDateTime(row.endTime, language, zone) },
        {
          head: t("schedules.credited"),
          cell: (row) => lengthText(row.creditedMinutes ?? 0, language, t),
        },
        { head: t("schedules.reason"), cell: (row) => <bdi>{row.reason || "–"}</bdi> },
      ]}
    />
  );
}

interface Props {
  zone: string;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function TimeOffForm({ zone, onClose, onSaved }: Props) {
  const t = useText();
  const planned = usePlannedAgents().data ?? [];
  const nameOf = usePeopleNames();
  const today = wallOf(Date.now(), zone).day;
  const [userId, setUserId] = useState("");
  const [from, setFrom] = useState(`${today}T00:00`);
  const [until, setUntil] = useState(`${daysLater(today, 1)}T00:00`);
  const [hours, setHours] = useState<number | string>(8);
  const [reason, setReason] = useState("");
  const [requestId] = useState(newRequestId);
  const instant = (wall: string) => {
    const [day = today, clock = "00:00"] = wall.split("T");
    return new Date(atMinute(day, minuteIn(clock) ?? 0, zone)).toISOString();
  };
  const save = async () => {
    const creditedMinutes = Math.round(numberIn(hours) * 60);
    const timeOff = { userId, startTime: instant(from), endTime: instant(until), creditedMinutes, reason };
    await ask(api.POST("/v1/wfm/timeOff", { body: { requestId, timeOff } }));
    await onSaved();
  };
  return (
    <FormModal title={t("schedules.timeOffAdd")} onClose={onClose} onSave={save} testId="time-off-form">
      <SelectField
        label={t("schedules.agent")}
        required
        searchable
        limit={80}
        data={planned.map((each) => ({ value: each.userId ?? "", label: nameOf(each.userId) }))}
        value={userId || null}
        onChange={(next) => setUserId(next ?? "")}
        data-testid="time-off-user"
      />
      <div className={planning.pair}>
        <TextField
          type="datetime-local"
          required
          label={t("schedules.from")}
          value={from}
          onChange={({ currentTarget }) => setFrom(currentTarget.value)}
        />
        <TextField
          type="datetime-local"
          required
          label={t("schedules.until")}
          value={until}
          onChange={({ currentTarget }) => setUntil(currentTarget.value)}
        />
      </div>
      <NumberInput
        label={t("schedules.inHours", { what: t("schedules.credited") })}
        description={t("schedules.creditedHint")}
        min={0}
        max={9600}
        decimalScale={2}
        value={hours}
        onChange={setHours}
      />
      <TextField
        label={t("schedules.reason")}
        maxLength={200}
        value={reason}
        onChange={({ currentTarget }) => setReason(currentTarget.value)}
      />
    </FormModal>
  );
}
