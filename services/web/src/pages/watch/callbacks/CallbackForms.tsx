import { SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf } from "../../../api/names.ts";
import { fieldProblem, type Problem } from "../../../api/problem.ts";
import type { Callback, Queue } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { ownTimeZone, SelectField, TextField, TimeZoneSelect } from "../../../ui/fields.tsx";

interface When {
  /** As a clock shows it, such as 2026-12-01T14:30; empty for at once. */
  local: string;
  later: boolean;
}

const AT_ONCE: When = { local: "", later: false };

interface AddProps {
  queues: readonly Queue[];
  onClose: () => void;
  /** Told the number when it had an open callback already. */
  onSaved: (alreadyOpen?: string) => Promise<void>;
}

/** A customer is to be called back, at once or at a time on their own clock. */
export function AddCallback({ queues, onClose, onSaved }: AddProps) {
  const t = useText();
  const [queueId, setQueueId] = useState(queues.length === 1 ? (queues[0]?.queueId ?? "") : "");
  const [number, setNumber] = useState("");
  const [callerName, setCallerName] = useState("");
  const [timeZone, setTimeZone] = useState(ownTimeZone());
  const [when, setWhen] = useState(AT_ONCE);
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const callback = { queueId, number: number.replaceAll(" ", ""), callerName, timeZone };
    const localDueTime = when.later ? when.local : "";
    const made = await ask(api.POST("/v1/callbacks", { body: { requestId, callback, localDueTime } }));
    await onSaved(made.alreadyOpen ? made.callback?.number : undefined);
  };
  return (
    <FormModal title={t("callbacks.add")} onClose={onClose} onSave={save} testId="callback">
      {(problem) => (
        <>
          <SelectField
            label={t("desktop.queue")}
            required
            data={optionsOf(queues, "queueId")}
            value={queueId || null}
            error={fieldProblem(problem, "queueId")}
            onChange={(value) => setQueueId(value ?? "")}
            data-testid="callback-queue"
          />
          <TextField
            label={t("callbacks.number")}
            description={t("callbacks.numberHint")}
            required
            dir="ltr"
            inputMode="tel"
            maxLength={24}
            value={number}
            error={fieldProblem(problem, "number")}
            onChange={(event) => setNumber(event.currentTarget.value)}
            data-testid="callback-number"
          />
          <TextField
            label={t("common.name")}
            maxLength={200}
            value={callerName}
            onChange={(event) => setCallerName(event.currentTarget.value)}
            data-testid="callback-name"
          />
          <WhenFields when={when} zone={timeZone} problem={problem} onChange={setWhen} />
          {when.later && (
            <TimeZoneSelect label={t("callbacks.zone")} value={timeZone} onChange={setTimeZone} />
          )}
        </>
      )}
    </FormModal>
  );
}

interface RescheduleProps {
  callback: Callback;
  onClose: () => void;
  onSaved: () => Promise<void>;
}

/** Another time for one that nobody calls just now. */
export function RescheduleCallback({ callback, onClose, onSaved }: RescheduleProps) {
  const t = useText();
  const [when, setWhen] = useState<When>({ local: "", later: true });
  const { callbackId = "", version, timeZone } = callback;
  const save = async () => {
    const dueTime =
      when.later && !timeZone && when.local ? { dueTime: new Date(when.local).toISOString() } : {};
    const localDueTime = when.later && timeZone ? when.local : "";
    await ask(
      api.POST("/v1/callbacks/{callbackId}:reschedule", {
        params: { path: { callbackId } },
        body: { version, localDueTime, ...dueTime },
      }),
    );
    await onSaved();
  };
  return (
    <FormModal title={t("callbacks.reschedule")} onClose={onClose} onSave={save} testId="reschedule">
      {(problem) => (
        <>
          <Text size="sm">{t("callbacks.rescheduleHint")}</Text>
          <WhenFields when={when} zone={timeZone || ownTimeZone()} problem={problem} onChange={setWhen} />
        </>
      )}
    </FormModal>
  );
}

interface WhenProps {
  when: When;
  zone: string;
  problem: Problem | undefined;
  onChange: (when: When) => void;
}

function WhenFields({ when, zone, problem, onChange }: WhenProps) {
  const t = useText();
  return (
    <>
      <SegmentedControl
        aria-label={t("callbacks.when")}
        data={[
          { value: "now", label: t("callbacks.atOnce") },
          { value: "later", label: t("callbacks.atTime") },
        ]}
        value={when.later ? "later" : "now"}
        onChange={(value) => onChange({ ...when, later: value === "later" })}
        data-testid="callback-when"
      />
      {when.later && (
        <TextField
          type="datetime-local"
          label={t("callbacks.time")}
          description={t("callbacks.timeHint", { zone: `\u2066${zone}\u2069` })}
          required
          value={when.local}
          error={fieldProblem(problem, "dueTime") ?? fieldProblem(problem, "localDueTime")}
          onChange={(event) => onChange({ ...when, local: event.currentTarget.value })}
          data-testid="callback-time"
        />
      )}
    </>
  );
}
