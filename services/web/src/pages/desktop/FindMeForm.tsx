import { Button, NumberInput, Select, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { optionsOf, useColleagues, useQueues } from "../../api/names.ts";
import { asProblem } from "../../api/problem.ts";
import type { FindMe } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Form } from "../../ui/Form.tsx";
import { HINT_BELOW, LanguageSelect, ownTimeZone, SelectField, TimeZoneSelect } from "../../ui/fields.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { UnsavedGuard } from "../../ui/unsaved.tsx";
import { complaintAt } from "../admin/trunkText.ts";
import { FindMeSteps } from "./FindMeSteps.tsx";

const WHEN = ["NEVER", "AWAY", "UNANSWERED", "ALWAYS"] as const;
const RESORTS = ["none", "voicemail", "agent", "queue"] as const;
const DESK_SECONDS = 15;
type Resort = (typeof RESORTS)[number];

function resortOf(setting: FindMe): Resort {
  if (setting.voicemail) return "voicemail";
  if (setting.forwardAgentId) return "agent";
  return setting.forwardQueueId ? "queue" : "none";
}

interface Props {
  setting: FindMe;
  agentId: string;
  /** Whether it is one's own. */
  mine: boolean;
  onSave: (setting: FindMe) => Promise<void>;
}

export function FindMeForm({ setting, agentId, mine, onSave }: Props) {
  const t = useText();
  const ownLanguage = useLanguage();
  const [draft, setDraft] = useState<FindMe>(setting);
  const language = draft.language || (mine ? ownLanguage : "");
  const [resort, setResort] = useState<Resort>(resortOf(setting));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const queues = useQueues().data ?? [];
  const colleagues = (useColleagues().data ?? []).filter((each) => each.agentId !== agentId);
  const known = problem ? asProblem(problem) : undefined;
  const change = (part: Partial<FindMe>) => setDraft({ ...draft, ...part });
  const when = draft.when ?? "FIND_ME_WHEN_NEVER";
  const rings = when !== "FIND_ME_WHEN_NEVER";
  const limited = (draft.steps ?? []).some((step) => (step.hours ?? []).length > 0);
  const zone = draft.timeZone || ownTimeZone();
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const { forwardAgentId, forwardQueueId, voicemail: _, ...kept } = draft;
    const last = {
      none: {},
      voicemail: { voicemail: true },
      agent: { forwardAgentId },
      queue: { forwardQueueId },
    }[resort];
    // An empty number is one that was not typed yet.
    const steps = (draft.steps ?? []).map((step) => ({
      ...step,
      numbers: (step.numbers ?? []).map((each) => each.trim()).filter(Boolean),
    }));
    try {
      await onSave({ ...kept, when, steps, language, timeZone: limited ? zone : "", ...last });
      toast(t("common.saved"));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <UnsavedGuard dirty={draft !== setting || resort !== resortOf(setting)} />
      <Stack>
        <Select
          label={t("findMe.when")}
          data={WHEN.map((each) => ({ value: `FIND_ME_WHEN_${each}`, label: t(`findMe.when.${each}`) }))}
          allowDeselect={false}
          value={when}
          onChange={(value) =>
            change({
              when: value as NonNullable<FindMe["when"]>,
              deskDuration: draft.deskDuration ?? toDuration(DESK_SECONDS),
            })
          }
          data-testid="find-me-when"
        />
        {when === "FIND_ME_WHEN_UNANSWERED" && (
          <NumberInput
            label={t("findMe.desk")}
            min={5}
            max={60}
            value={durationSeconds(draft.deskDuration) || DESK_SECONDS}
            error={complaintAt(known, "findMe.deskDuration")}
            onChange={(value) => change({ deskDuration: toDuration(Number(value)) })}
            data-testid="find-me-desk"
          />
        )}
        {rings && (
          <>
            <FindMeSteps steps={draft.steps ?? []} problem={known} onChange={(steps) => change({ steps })} />
            {limited && (
              <TimeZoneSelect
                label={t("findMe.timeZone")}
                value={zone}
                onChange={(timeZone) => change({ timeZone })}
                testId="find-me-zone"
              />
            )}
            <LanguageSelect
              label={t("findMe.language")}
              description={t("findMe.languageHint")}
              value={language}
              onChange={(chosen) => change({ language: chosen })}
              testId="find-me-language"
            />
            <Switch
              label={t("findMe.queueCalls")}
              description={t("findMe.queueCallsHint")}
              checked={draft.queueCalls ?? false}
              onChange={(event) => change({ queueCalls: event.currentTarget.checked })}
              data-testid="find-me-queue-calls"
            />
            <Select
              label={t("findMe.resort")}
              description={t("findMe.resortHint")}
              inputWrapperOrder={HINT_BELOW}
              data={RESORTS.map((each) => ({ value: each, label: t(`findMe.resort.${each}`) }))}
              allowDeselect={false}
              value={resort}
              onChange={(value) => setResort(value as Resort)}
              data-testid="find-me-resort"
            />
            {resort === "agent" && (
              <SelectField
                label={t("findMe.colleague")}
                required
                searchable
                data={optionsOf(colleagues, "agentId")}
                value={draft.forwardAgentId || null}
                error={complaintAt(known, "findMe.forwardAgentId")}
                onChange={(value) => change({ forwardAgentId: value ?? "" })}
                data-testid="find-me-colleague"
              />
            )}
            {resort === "queue" && (
              <SelectField
                label={t("desktop.queue")}
                required
                data={optionsOf(queues, "queueId")}
                value={draft.forwardQueueId || null}
                onChange={(value) => change({ forwardQueueId: value ?? "" })}
                data-testid="find-me-queue"
              />
            )}
          </>
        )}
        <ProblemNote problem={problem} />
        <div>
          <Button type="submit" loading={busy} data-testid="find-me-save">
            {t("common.save")}
          </Button>
        </div>
      </Stack>
    </Form>
  );
}
