import { NumberInput, Select, SimpleGrid, Stack, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import type { Problem } from "../../../api/problem.ts";
import type { BusinessHours, Overflow, Queue } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { useText } from "../../../i18n/index.ts";
import { HINT_BELOW } from "../../../ui/fields.tsx";
import { OpenNow } from "../OpenNow.tsx";
import { LengthField } from "./LengthField.tsx";
import { Said } from "./ListLevels.tsx";
import { OverflowLine } from "./OverflowLine.tsx";
import { OverflowRules } from "./OverflowRules.tsx";
import { saidOf } from "./places.ts";
import classes from "./rules.module.css";

interface Props {
  queue: Queue;
  problem: Problem | undefined;
  onChange: (part: Partial<Queue>) => void;
}

/** When a queue is open, and where callers go whom it can't serve. */
export function OverflowPart({ queue, problem, onChange }: Props) {
  const t = useText();
  const overflow = queue.overflow ?? {};
  const change = (part: Partial<Overflow>) => onChange({ overflow: { ...overflow, ...part } });
  const said = saidOf(problem, "overflow.rules");
  return (
    <Stack>
      <HoursField
        value={queue.businessHoursId ?? ""}
        error={saidOf(problem, "business_hours_id")}
        onChange={(businessHoursId) => onChange({ businessHoursId })}
      />
      <OverflowLine overflow={overflow} />
      <OverflowRules
        queueId={queue.queueId ?? ""}
        rules={overflow.rules ?? []}
        problem={problem}
        onChange={(rules) => change({ rules })}
      />
      {said && <Said text={said} testId="overflow-rules-said" />}
      <fieldset className={classes.part}>
        <legend>{t("overflow.limits")}</legend>
        <p className={classes.lead}>{t("overflow.limitsLead")}</p>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <LengthField
            label={t("overflow.maxWait")}
            description={t("overflow.zero")}
            seconds={durationSeconds(overflow.maxWait)}
            error={saidOf(problem, "overflow.max_wait")}
            onChange={(seconds) => change({ maxWait: seconds ? toDuration(seconds) : undefined })}
            testId="overflow-max-wait"
          />
          <NumberInput
            label={t("overflow.maxWaiting")}
            description={t("overflow.zero")}
            min={0}
            max={10_000}
            value={overflow.maxWaiting ?? 0}
            error={saidOf(problem, "overflow.max_waiting")}
            onChange={(value) => change({ maxWaiting: Number(value) })}
            data-testid="overflow-max-waiting"
          />
        </SimpleGrid>
        <Switch
          label={t("overflow.unstaffed")}
          description={t("overflow.unstaffedHint")}
          checked={overflow.leaveWhenUnstaffed ?? false}
          error={saidOf(problem, "overflow.leave_when_unstaffed")}
          onChange={(event) => change({ leaveWhenUnstaffed: event.currentTarget.checked })}
          data-testid="overflow-unstaffed"
        />
      </fieldset>
    </Stack>
  );
}

function HoursField(props: { value: string; error: string | undefined; onChange: (id: string) => void }) {
  const t = useText();
  const { data = [] } = useQuery({
    queryKey: ["hours", "all"],
    queryFn: async (): Promise<BusinessHours[]> =>
      (await ask(api.GET("/v1/businessHours", { params: { query: { pageSize: 200 } } }))).businessHours ?? [],
  });
  return (
    <div>
      <Select
        label={t("overflow.hours")}
        description={t("overflow.hoursHint")}
        inputWrapperOrder={HINT_BELOW}
        placeholder={t("overflow.always")}
        clearable
        searchable
        data={data.map((each) => ({ value: each.businessHoursId ?? "", label: each.displayName ?? "" }))}
        value={props.value || null}
        error={props.error}
        onChange={(next) => props.onChange(next ?? "")}
        data-testid="queue-hours"
      />
      {props.value && <OpenNow businessHoursId={props.value} />}
    </div>
  );
}
