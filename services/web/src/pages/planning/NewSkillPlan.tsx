import { ActionIcon, Button, MultiSelect, NumberInput, Select } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { ForecastRun, SkillPlan } from "../../api/types.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { CautionSelect } from "./CautionSelect.tsx";
import classes from "./planning.module.css";
import { useSeries, weekFrom } from "./usePlanning.ts";
import { weekText, wholeWeeksOf } from "./weeks.ts";

interface Props {
  run: ForecastRun;
  /** Days that are looked at. */
  week: { start: string; end: string };
  zone: string;
  onClose: () => void;
  onMade: (plan: SkillPlan) => Promise<void>;
}

interface Group {
  key: number;
  queueIds: string[];
  count: number | string;
}

const COSTS = [0.05, 0.15, 0.3, 0.6];
const MOST_GROUPS = 24;

/** What a plan of agents with several skills is made of. */
export function NewSkillPlan({ run, week, zone, onClose, onMade }: Props) {
  const t = useText();
  const language = useLanguage();
  const series = useSeries().data?.series ?? [];
  const queues = [
    ...new Map(series.map((each) => [each.queueId ?? "", each.queueName || each.queueId || ""])),
  ];
  // Of whole weeks, so that schedules may be made of it; of a run without one, of what is looked at.
  const weeks = wholeWeeksOf(run);
  const [monday, setMonday] = useState(
    () => weeks.find((each) => weekFrom(each, zone).start >= week.start) ?? weeks.at(-1),
  );
  const [name, setName] = useState("");
  const [who, setWho] = useState("planned");
  const [caution, setCaution] = useState("0");
  const [cost, setCost] = useState("0.15");
  const [groups, setGroups] = useState<Group[]>([]);
  const [requestId] = useState(newRequestId);
  const added = (before: Group[]) => [
    ...before,
    { key: Math.max(0, ...before.map((each) => each.key)) + 1, queueIds: [], count: 0 },
  ];
  const change = (key: number, part: Partial<Group>) =>
    setGroups((before) => before.map((each) => (each.key === key ? { ...each, ...part } : each)));
  const choose = (next: string) => {
    setWho(next);
    // To begin with a group of each queue, and one that serves all of them.
    if (next === "said" && !groups.length) {
      const each = queues
        .slice(0, MOST_GROUPS - 1)
        .map(([id], at) => ({ key: at, queueIds: [id], count: 0 }));
      const all = { key: each.length, queueIds: queues.map(([id]) => id), count: 0 };
      setGroups(queues.length > 1 ? [...each, all] : each);
    }
  };
  const save = async () => {
    const said = groups.map(({ queueIds, count }) => ({ queueIds, agentCount: Number(count) || 0 }));
    const asked = monday ? weekFrom(monday, zone) : week;
    const body = {
      requestId,
      forecastRunId: run.forecastRunId ?? "",
      startTime: asked.start,
      endTime: asked.end,
      caution: Number(caution),
      flexibleCost: Number(cost),
      groups: who === "said" ? said : [],
      displayName: name,
    };
    await onMade(await ask(api.POST("/v1/wfm/skillPlans", { body })));
  };
  return (
    <FormModal
      title={t("skill.title")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("skill.new")}
      size="lg"
      testId="new-skill-plan"
    >
      <p className={classes.lead}>{t("skill.formLead")}</p>
      <TextField
        label={t("skill.name")}
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="skill-plan-name"
      />
      {weeks.length > 0 && (
        <Select
          label={t("schedules.weekOf")}
          allowDeselect={false}
          data={weeks.map((each) => ({ value: each, label: weekText(each, language) }))}
          value={monday}
          onChange={(next) => next && setMonday(next)}
          data-testid="skill-plan-week"
        />
      )}
      <Select
        label={t("skill.who")}
        allowDeselect={false}
        data={[
          { value: "planned", label: t("skill.whoPlanned") },
          { value: "said", label: t("skill.whoSaid") },
        ]}
        value={who}
        onChange={(next) => next && choose(next)}
        data-testid="skill-plan-who"
      />
      {who === "said" && (
        <>
          {groups.map((group, at) => (
            <div key={group.key} className={classes.group} data-testid="skill-plan-group">
              <MultiSelect
                label={t("skill.serves")}
                data={queues.map(([value, label]) => ({ value, label }))}
                value={group.queueIds}
                onChange={(queueIds) => change(group.key, { queueIds })}
                searchable
              />
              <NumberInput
                label={t("skill.count")}
                description={t("skill.countHint")}
                inputWrapperOrder={["label", "input", "error", "description"]}
                min={0}
                max={20_000}
                value={group.count}
                onChange={(count) => change(group.key, { count })}
                data-testid={`skill-plan-count-${at}`}
              />
              <ActionIcon
                variant="default"
                size="lg"
                aria-label={t("skill.removeGroup", { number: formatNumber(at + 1, language) })}
                onClick={() => setGroups((before) => before.filter(({ key }) => key !== group.key))}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            </div>
          ))}
          <Button
            variant="default"
            leftSection={<IconPlus size={16} aria-hidden />}
            disabled={groups.length >= MOST_GROUPS}
            onClick={() => setGroups(added)}
            data-testid="skill-plan-add-group"
          >
            {t("skill.addGroup")}
          </Button>
        </>
      )}
      <CautionSelect value={caution} onChange={setCaution} />
      <Select
        label={t("skill.cost")}
        description={t("skill.costHint")}
        allowDeselect={false}
        data={COSTS.map((each) => ({ value: String(each), label: formatShare(each, language) }))}
        value={cost}
        onChange={(next) => next && setCost(next)}
      />
    </FormModal>
  );
}
