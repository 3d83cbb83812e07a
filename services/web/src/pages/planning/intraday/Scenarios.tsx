import { Button, NumberInput, Switch } from "@mantine/core";
import { IconDeviceFloppy, IconPlus, IconTrash, IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { DayScenario, HistorySeries, ScenarioOutcome } from "../../../api/types.ts";
import { formatClock } from "../../../format/durations.ts";
import { formatNumber, formatPercent, formatShare } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import classes from "./intraday.module.css";
import { useOutcomes, useScenarios } from "./useToday.ts";

const MOST = 6;

interface Props {
  day: string;
  series: HistorySeries;
  asItStands: ScenarioOutcome | undefined;
}

/** What if: side by side with the day as it stands. */
export function Scenarios({ day, series, asItStands }: Props) {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const saved = useScenarios();
  const [tried, setTried] = useState<readonly DayScenario[]>([]);
  const [adding, setAdding] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const outcomes = useOutcomes(day, series, tried);
  const rows: readonly ScenarioOutcome[] =
    tried.length > 0 && outcomes.data ? outcomes.data : asItStands ? [asItStands] : [];
  const share = (value: number | null | undefined) =>
    value === undefined || value === null ? "–" : formatShare(value, language);
  const hours = (value: number | undefined) => formatNumber(value ?? 0, language, 1);
  const others = (saved.data ?? []).filter(
    (each) => !tried.some((one) => one.scenarioId === each.scenarioId),
  );
  const change = async (work: () => Promise<unknown>) => {
    setProblem(undefined);
    try {
      await work();
      await queries.invalidateQueries({ queryKey: ["intraday", "scenarios"] });
    } catch (error) {
      setProblem(error);
    }
  };
  const keep = (scenario: DayScenario) =>
    change(async () => {
      const made = await ask(
        api.POST("/v1/wfm/scenarios", { body: { requestId: newRequestId(), scenario } }),
      );
      setTried((before) => before.map((each) => (each === scenario ? made : each)));
    });
  const forget = (scenario: DayScenario) =>
    change(() => {
      const path = { scenarioId: scenario.scenarioId ?? "" };
      return ask(api.DELETE("/v1/wfm/scenarios/{scenarioId}", { params: { path } }));
    });
  return (
    <Panel label={t("scenario.title")} testId="scenarios">
      <div className={classes.head}>
        <div>
          <h2 className={classes.title}>{t("scenario.title")}</h2>
          <p className={classes.lead}>{t("scenario.lead")}</p>
        </div>
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          disabled={tried.length >= MOST}
          onClick={() => setAdding(true)}
          data-testid="scenario-add"
        >
          {t("scenario.add")}
        </Button>
      </div>
      <ProblemNote problem={problem ?? outcomes.error} />
      {others.length > 0 && (
        <ul className={classes.chips} aria-label={t("scenario.saved")}>
          {others.map((each) => (
            <li key={each.scenarioId} className={classes.chip}>
              <Button
                variant="default"
                size="xs"
                disabled={tried.length >= MOST}
                onClick={() => setTried([...tried, each])}
              >
                <bdi>{each.displayName}</bdi>
              </Button>
              <IconAction
                icon={IconTrash}
                label={`${t("common.delete")}: ${each.displayName}`}
                onClick={() => void forget(each)}
              />
            </li>
          ))}
        </ul>
      )}
      <DataTable<ScenarioOutcome>
        label={t("scenario.title")}
        rows={rows}
        keyOf={(row) => `${rows.indexOf(row)}`}
        testId={(row) => `scenario-${rows.indexOf(row)}`}
        columns={[
          {
            head: t("scenario.name"),
            cell: (row) => (
              <>
                <bdi>
                  {row.scenario ? row.scenario.displayName || t("scenario.unnamed") : t("scenario.asItIs")}
                </bdi>
                {row.scenario && <div className={classes.quiet}>{wordsOf(row.scenario, t, language)}</div>}
              </>
            ),
          },
          { head: t("scenario.level"), cell: (row) => share(row.serviceLevel), testId: "level" },
          {
            head: t("scenario.asa"),
            cell: (row) =>
              row.asaSeconds === undefined || row.asaSeconds === null
                ? "–"
                : formatClock(Math.round(row.asaSeconds), language),
          },
          { head: t("scenario.occupancy"), cell: (row) => share(row.occupancy) },
          { head: t("scenario.missing"), cell: (row) => hours(row.missingHours) },
          { head: t("scenario.spare"), cell: (row) => hours(row.spareHours) },
          {
            head: t("adherence.actions"),
            quiet: true,
            cell: (row) => {
              const one = tried[rows.indexOf(row) - 1];
              if (!one) return null;
              const name = one.displayName || t("scenario.unnamed");
              return (
                <>
                  {!one.scenarioId && one.displayName && (
                    <IconAction
                      icon={IconDeviceFloppy}
                      label={`${t("common.save")}: ${name}`}
                      onClick={() => void keep(one)}
                    />
                  )}
                  <IconAction
                    icon={IconX}
                    label={`${t("scenario.putAway")}: ${name}`}
                    onClick={() => setTried(tried.filter((each) => each !== one))}
                  />
                </>
              );
            },
          },
        ]}
      />
      {adding && (
        <ScenarioForm onClose={() => setAdding(false)} onMade={(made) => setTried([...tried, made])} />
      )}
    </Panel>
  );
}

/** "+20% contacts, 10% absent". */
function wordsOf(
  scenario: DayScenario,
  t: ReturnType<typeof useText>,
  language: ReturnType<typeof useLanguage>,
): string {
  const more = (value: number) => `${value > 0 ? "+" : ""}${formatPercent(value, language)}`;
  const rule = scenario.staffingRule;
  return [
    scenario.volumePercent ? t("scenario.moreVolume", { share: more(scenario.volumePercent) }) : "",
    scenario.ahtPercent ? t("scenario.moreAht", { share: more(scenario.ahtPercent) }) : "",
    scenario.absencePercent
      ? t("scenario.absent", { share: formatPercent(scenario.absencePercent, language) })
      : "",
    scenario.extraAgents
      ? t("scenario.moreAgents", {
          count: `${scenario.extraAgents > 0 ? "+" : ""}${formatNumber(scenario.extraAgents, language)}`,
        })
      : "",
    rule?.serviceLevel && rule.thresholdSeconds
      ? t("planning.ruleSays", {
          level: formatShare(rule.serviceLevel, language),
          seconds: formatNumber(rule.thresholdSeconds, language),
        })
      : "",
  ]
    .filter(Boolean)
    .join(language === "fa" ? "، " : ", ");
}

const FIELDS = [
  { name: "volumePercent", label: "scenario.volumeField", least: -100, most: 1000 },
  { name: "ahtPercent", label: "scenario.ahtField", least: -90, most: 1000 },
  { name: "absencePercent", label: "scenario.absenceField", least: 0, most: 100 },
  { name: "extraAgents", label: "scenario.agentsField", least: -1000, most: 1000 },
] as const;

function ScenarioForm({ onClose, onMade }: { onClose: () => void; onMade: (made: DayScenario) => void }) {
  const t = useText();
  const [name, setName] = useState("");
  const [values, setValues] = useState<Record<string, number | string>>({});
  const [otherRule, setOtherRule] = useState(false);
  const [level, setLevel] = useState<number | string>(80);
  const [seconds, setSeconds] = useState<number | string>(20);
  const save = async () => {
    const said = Object.fromEntries(FIELDS.map((each) => [each.name, Number(values[each.name] ?? 0)]));
    const staffingRule = { serviceLevel: Number(level) / 100, thresholdSeconds: Number(seconds) };
    onMade({ displayName: name.trim(), ...said, ...(otherRule ? { staffingRule } : {}) });
  };
  return (
    <FormModal
      title={t("scenario.add")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("scenario.try")}
      testId="scenario"
    >
      <TextField
        label={t("common.name")}
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="scenario-name"
      />
      <div className={classes.pair}>
        {FIELDS.map((each) => (
          <NumberInput
            key={each.name}
            label={t(each.label)}
            min={each.least}
            max={each.most}
            value={values[each.name] ?? 0}
            onChange={(next) => setValues((before) => ({ ...before, [each.name]: next }))}
            data-testid={`scenario-${each.name}`}
          />
        ))}
      </div>
      <Switch
        label={t("scenario.otherRule")}
        checked={otherRule}
        onChange={(event) => setOtherRule(event.currentTarget.checked)}
      />
      {otherRule && (
        <div className={classes.pair}>
          <NumberInput label={t("planning.level")} min={1} max={99.9} value={level} onChange={setLevel} />
          <NumberInput
            label={t("planning.threshold")}
            min={1}
            max={604_800}
            value={seconds}
            onChange={setSeconds}
          />
        </div>
      )}
    </FormModal>
  );
}
