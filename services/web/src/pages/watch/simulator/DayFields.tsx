import { NativeSelect } from "@mantine/core";
import type { Queue } from "../../../api/types.ts";
import { formatDateTime } from "../../../format/dates.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { ownTimeZone, TextField } from "../../../ui/fields.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { MadeUpDay } from "./MadeUpDay.tsx";
import { beginOf, newCrew, newTraffic, type Plan } from "./plan.ts";
import { changePlan } from "./running.ts";
import { useSaid } from "./saying.ts";
import classes from "./simulator.module.css";

/** Which day is played: one that was, or one that is made up. */
export function DayFields({ plan, queues }: { plan: Plan; queues: readonly Queue[] }) {
  const t = useText();
  const pick = (kind: Plan["kind"]) => {
    const first = queues[0]?.queueId;
    const begun = kind === "recorded" || plan.traffic.length > 0 || !first;
    const start = begun ? {} : { traffic: [newTraffic(first)], crews: [newCrew([first], plan)] };
    changePlan({ kind, ...start });
  };
  return (
    <Panel label={t("simulator.day")}>
      <h2 className={classes.title}>{t("simulator.day")}</h2>
      <NativeSelect
        label={t("simulator.day.which")}
        className={classes.short}
        value={plan.kind}
        onChange={(event) => pick(event.currentTarget.value as Plan["kind"])}
        data={[
          { value: "recorded", label: t("simulator.day.recorded") },
          { value: "synthetic", label: t("simulator.day.synthetic") },
        ]}
        data-testid="simulator-kind"
      />
      {plan.kind === "recorded" ? <RecordedDay plan={plan} /> : <MadeUpDay plan={plan} queues={queues} />}
    </Panel>
  );
}

function RecordedDay({ plan }: { plan: Plan }) {
  const t = useText();
  const language = useLanguage();
  const said = useSaid();
  const begin = beginOf(plan);
  return (
    <>
      <div className={classes.line}>
        <TextField
          type="date"
          dir="ltr"
          required
          withAsterisk={false}
          label={t("simulator.day.date")}
          value={plan.date}
          error={said("recordedFromTime")}
          onChange={(event) => changePlan({ date: event.currentTarget.value })}
          data-testid="simulator-date"
        />
        <TextField
          type="time"
          dir="ltr"
          required
          withAsterisk={false}
          label={t("simulator.day.time")}
          value={plan.time}
          onChange={(event) => changePlan({ time: event.currentTarget.value })}
          data-testid="simulator-time"
        />
      </div>
      <p className={classes.hint}>
        {begin &&
          t("simulator.day.recordedFrom", {
            begin: formatDateTime(begin, language),
            zone: ownTimeZone(),
          })}{" "}
        {t("simulator.day.recordedHint")}
      </p>
    </>
  );
}
