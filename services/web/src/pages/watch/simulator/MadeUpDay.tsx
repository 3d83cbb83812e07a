import { MultiSelect, Switch } from "@mantine/core";
import { optionsOf } from "../../../api/names.ts";
import type { Queue } from "../../../api/types.ts";
import { localDigits } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { SelectField } from "../../../ui/fields.tsx";
import { AddLine, RemoveLine } from "../../../ui/RowActions.tsx";
import { SkillLevels } from "../../admin/Skills.tsx";
import { NumberField } from "./Numbers.tsx";
import {
  CHANNELS,
  type CrewPlan,
  changed,
  hoursOf,
  newCrew,
  newTraffic,
  type Plan,
  type TrafficChannel,
  type TrafficPlan,
  withHours,
  without,
} from "./plan.ts";
import { changePlan } from "./running.ts";
import { useSaid } from "./saying.ts";
import classes from "./simulator.module.css";

interface Props {
  plan: Plan;
  queues: readonly Queue[];
}

/** Who calls when, and who is there to answer. */
export function MadeUpDay({ plan, queues }: Props) {
  const t = useText();
  const said = useSaid();
  const free = queues.find(({ queueId }) => plan.traffic.every((each) => each.queueId !== queueId));
  const wrong = hoursOf(plan).length === 0 ? t("simulator.day.wrongHours") : undefined;
  return (
    <>
      <div className={classes.line}>
        <NumberField
          label={t("simulator.day.opens")}
          min={0}
          max={23}
          value={plan.opens}
          error={wrong}
          onChange={(opens) => changePlan(withHours(plan, opens, plan.closes))}
          data-testid="simulator-opens"
        />
        <NumberField
          label={t("simulator.day.closes")}
          min={1}
          max={24}
          value={plan.closes}
          onChange={(closes) => changePlan(withHours(plan, plan.opens, closes))}
          data-testid="simulator-closes"
        />
      </div>
      <h3 className={classes.subtitle}>{t("simulator.traffic")}</h3>
      <Complaint text={plan.traffic.length === 0 ? said("synthetic.traffic") : undefined} />
      {plan.traffic.map((each, index) => (
        <TrafficFields key={each.key} plan={plan} traffic={each} index={index} queues={queues} />
      ))}
      <AddLine
        label={t("simulator.traffic.add")}
        disabled={!free}
        onClick={() => free && changePlan({ traffic: [...plan.traffic, newTraffic(free.queueId ?? "")] })}
      />
      <h3 className={classes.subtitle}>{t("simulator.crews")}</h3>
      <Complaint text={plan.crews.length === 0 ? said("synthetic.crews") : undefined} />
      {plan.crews.map((crew, index) => (
        <CrewFields key={crew.key} plan={plan} crew={crew} index={index} queues={queues} />
      ))}
      <AddLine
        label={t("simulator.crews.add")}
        onClick={() =>
          changePlan({
            crews: [
              ...plan.crews,
              newCrew(
                plan.traffic.map((each) => each.queueId),
                plan,
              ),
            ],
          })
        }
      />
    </>
  );
}

function Complaint({ text }: { text: string | undefined }) {
  return text ? <p className={classes.wrong}>{text}</p> : null;
}

function TrafficFields({ plan, traffic, index, queues }: Props & { traffic: TrafficPlan; index: number }) {
  const t = useText();
  const language = useLanguage();
  const said = useSaid();
  const place = `synthetic.traffic[${index}]`;
  const change = (part: Partial<TrafficPlan>) => changePlan({ traffic: changed(plan.traffic, index, part) });
  const taken = plan.traffic.map((each) => each.queueId);
  const perHour = t("simulator.traffic.perHour");
  const clock = (hour: number) => localDigits(`${String(hour).padStart(2, "0")}:00`, language);
  return (
    <div className={classes.item} role="group" aria-label={t("simulator.traffic")}>
      <div className={classes.line}>
        <SelectField
          label={t("desktop.queue")}
          data={optionsOf(queues, "queueId").map((each) => ({
            ...each,
            disabled: each.value !== traffic.queueId && taken.includes(each.value),
          }))}
          value={traffic.queueId || null}
          error={said(`${place}.queueId`)}
          onChange={(queueId) => change({ queueId: queueId ?? "" })}
        />
        <SelectField
          label={t("simulator.traffic.channel")}
          description={t("simulator.traffic.channelHint")}
          allowDeselect={false}
          data={CHANNELS.map((value) => ({ value, label: t(`capacity.${value}`) }))}
          value={traffic.channel}
          error={said(`${place}.channel`)}
          onChange={(channel) => change({ channel: channel as TrafficChannel })}
          data-testid={`simulator-channel-${index}`}
        />
        <NumberField
          label={t("simulator.traffic.handle")}
          description={t("simulator.traffic.handleHint")}
          min={1}
          max={14_400}
          value={traffic.handleSeconds}
          error={said(`${place}.handleTime`)}
          onChange={(handleSeconds) => change({ handleSeconds })}
          data-testid={`simulator-handle-${index}`}
        />
        <NumberField
          label={t("simulator.traffic.patience")}
          description={t("simulator.traffic.patienceHint")}
          required={false}
          min={1}
          value={traffic.patienceSeconds}
          error={said(`${place}.patience`)}
          onChange={(patienceSeconds) => change({ patienceSeconds })}
          data-testid={`simulator-patience-${index}`}
        />
        <RemoveLine onClick={() => changePlan({ traffic: without(plan.traffic, index) })} />
      </div>
      <Switch
        label={t("simulator.traffic.same")}
        checked={traffic.same}
        onChange={(event) => {
          const same = event.currentTarget.checked;
          change(same ? { same } : { same, hours: traffic.hours.map(() => traffic.perHour) });
        }}
        data-testid={`simulator-same-${index}`}
      />
      {traffic.same ? (
        <NumberField
          label={perHour}
          className={classes.number}
          min={0}
          max={10_000}
          value={traffic.perHour}
          error={said(`${place}.contactsPerHour`)}
          onChange={(value) => change({ perHour: value })}
          data-testid={`simulator-per-hour-${index}`}
        />
      ) : (
        <fieldset className={classes.hours}>
          <legend>{perHour}</legend>
          {hoursOf(plan).map((hour) => (
            <NumberField
              key={hour}
              label={clock(hour)}
              hideControls
              min={0}
              max={10_000}
              value={traffic.hours[hour] ?? 0}
              onChange={(value) =>
                change({ hours: traffic.hours.map((old, at) => (at === hour ? value : old)) })
              }
              data-testid={`simulator-hour-${index}-${hour}`}
            />
          ))}
          <Complaint text={said(`${place}.contactsPerHour`)} />
        </fieldset>
      )}
    </div>
  );
}

function CrewFields({ plan, crew, index, queues }: Props & { crew: CrewPlan; index: number }) {
  const t = useText();
  const said = useSaid();
  const place = `synthetic.crews[${index}]`;
  const change = (part: Partial<CrewPlan>) => changePlan({ crews: changed(plan.crews, index, part) });
  return (
    <div className={classes.item} role="group" aria-label={t("simulator.crews")}>
      <div className={classes.line}>
        <NumberField
          label={t("simulator.crews.count")}
          min={1}
          max={2000}
          value={crew.count}
          error={said(`${place}.count`)}
          onChange={(count) => change({ count })}
          data-testid={`simulator-count-${index}`}
        />
        <NumberField
          label={t("simulator.crews.from")}
          min={Number(plan.opens)}
          max={24}
          step={0.5}
          value={crew.from}
          error={said(`${place}.startHour`)}
          onChange={(from) => change({ from })}
        />
        <NumberField
          label={t("simulator.crews.to")}
          min={0}
          max={24}
          step={0.5}
          value={crew.to}
          error={said(`${place}.endHour`)}
          onChange={(to) => change({ to })}
        />
        <RemoveLine onClick={() => changePlan({ crews: without(plan.crews, index) })} />
      </div>
      <MultiSelect
        label={t("simulator.crews.queues")}
        description={t("simulator.crews.queuesHint")}
        data={optionsOf(queues, "queueId")}
        value={crew.queueIds}
        error={said(`${place}.queueIds`)}
        onChange={(queueIds) => change({ queueIds })}
      />
      <SkillLevels
        label={t("simulator.crews.skills")}
        levels={crew.skills}
        onChange={(skills) => change({ skills })}
      />
    </div>
  );
}
