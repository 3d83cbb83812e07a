import { Select } from "@mantine/core";
import { useEffect, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { TimeOffKind, TimeOffRequest } from "../../api/types.ts";
import { clockOf, minuteOf } from "../../format/weeks.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import classes from "./mine.module.css";
import { amount, Obstacles, stateOf } from "./TimeOff.tsx";
import { useReadAgain } from "./useMine.ts";

const SOON_MS = 350;

/** Asks for time off, and says at once what would come of it. */
export function AskForm({ kinds, onClose }: { kinds: readonly TimeOffKind[]; onClose: () => void }) {
  const t = useText();
  const readAgain = useReadAgain();
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState<TimeOffRequest>({
    timeOffKindId: kinds[0]?.timeOffKindId ?? "",
    firstDay: "",
  });
  const kind = kinds.find((each) => each.timeOffKindId === value.timeOffKindId);
  const byHours = kind?.unit === "TIME_OFF_UNIT_HOURS";
  const set = (change: Partial<TimeOffRequest>) => setValue((before) => ({ ...before, ...change }));
  const whole: TimeOffRequest =
    byHours && value.endMinute ? { ...value, lastDay: value.firstDay } : strip(value);
  const { verdict, problem } = useVerdict(whole);
  return (
    <FormModal
      title={t("mine.ask")}
      onClose={onClose}
      testId="ask-form"
      saveLabel={t("mine.askSend")}
      onSave={async () => {
        await ask(api.POST("/v1/mySchedule/timeOffRequests", { body: { requestId, timeOffRequest: whole } }));
        await readAgain();
      }}
    >
      <Select
        label={t("mine.kind")}
        allowDeselect={false}
        data={kinds.map((each) => ({ value: each.timeOffKindId ?? "", label: each.displayName ?? "" }))}
        value={value.timeOffKindId ?? null}
        onChange={(next) => next && set({ timeOffKindId: next })}
        data-testid="ask-kind"
      />
      <div className={classes.pair}>
        <TextField
          type="date"
          required
          label={t("mine.firstDay")}
          value={value.firstDay ?? ""}
          onChange={(event) => set({ firstDay: event.currentTarget.value })}
          data-testid="ask-first"
        />
        <TextField
          type="date"
          label={t("mine.lastDay")}
          min={value.firstDay}
          value={value.lastDay ?? ""}
          onChange={(event) => set({ lastDay: event.currentTarget.value })}
          data-testid="ask-last"
        />
      </div>
      {byHours && (
        <div className={classes.pair}>
          <TextField
            type="time"
            step={900}
            label={t("mine.fromTime")}
            value={value.endMinute || value.startMinute ? clockOf(value.startMinute ?? 0) : ""}
            onChange={(event) => set({ startMinute: quarter(event.currentTarget.value) })}
          />
          <TextField
            type="time"
            step={900}
            label={t("mine.toTime")}
            description={t("mine.wholeDays")}
            value={value.endMinute ? clockOf(value.endMinute) : ""}
            onChange={(event) => set({ endMinute: quarter(event.currentTarget.value) })}
          />
        </div>
      )}
      <TextField
        label={t("mine.note")}
        maxLength={200}
        value={value.note ?? ""}
        onChange={(event) => set({ note: event.currentTarget.value })}
      />
      <div aria-live="polite" data-testid="ask-verdict">
        {problem ? <ProblemNote problem={problem} /> : verdict && <Verdict verdict={verdict} kind={kind} />}
      </div>
    </FormModal>
  );
}

function strip({ startMinute: _, endMinute: __, ...rest }: TimeOffRequest): TimeOffRequest {
  return rest;
}

function quarter(clock: string): number {
  return clock ? Math.round(minuteOf(clock, true) / 15) * 15 : 0;
}

function Verdict({ verdict, kind }: { verdict: TimeOffRequest; kind: TimeOffKind | undefined }) {
  const t = useText();
  const language = useLanguage();
  const taken = amount(t, kind, verdict.amount, language);
  return stateOf(verdict) === "APPROVED" ? (
    <Note tone="good" title={t("mine.wouldBeApproved")} testId="verdict-APPROVED">
      {t("mine.takes", { amount: taken })}
    </Note>
  ) : (
    <Note tone="warn" title={t("mine.wouldWait")} testId="verdict-PENDING">
      {t("mine.takes", { amount: taken })}
      <Obstacles request={verdict} />
    </Note>
  );
}

/** What would come of it, asked once typing rests. */
function useVerdict(value: TimeOffRequest) {
  const [found, setFound] = useState<{ verdict?: TimeOffRequest; problem?: unknown }>({});
  const said = JSON.stringify({ ...value, note: "" });
  useEffect(() => {
    const timeOffRequest = JSON.parse(said) as TimeOffRequest;
    if (!timeOffRequest.firstDay || !timeOffRequest.timeOffKindId) return setFound({});
    let current = true;
    const timer = setTimeout(() => {
      const body = { requestId: "", timeOffRequest, validateOnly: true };
      ask(api.POST("/v1/mySchedule/timeOffRequests", { body })).then(
        (verdict) => current && setFound({ verdict }),
        (problem: unknown) => current && setFound({ problem }),
      );
    }, SOON_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [said]);
  return found;
}
