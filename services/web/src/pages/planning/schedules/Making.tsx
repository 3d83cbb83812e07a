import { Button, Group, Progress } from "@mantine/core";
import { IconPlayerStop, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Schedule } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "./gantt.module.css";
import { useRefreshSchedules } from "./useSchedules.ts";
import { agentHours, nearText } from "./words.ts";

/** How far the making of a version is, how near to the best, and ending it. */
export function Making({ schedule, mayChange }: { schedule: Schedule; mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSchedules();
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<unknown>();
  const path = { scheduleId: schedule.scheduleId ?? "" };
  const end = async (how: "stop" | "cancel") => {
    setBusy(how);
    setProblem(undefined);
    try {
      if (how === "stop")
        await ask(api.POST("/v1/wfm/schedules/{scheduleId}:stop", { params: { path }, body: {} }));
      else await ask(api.POST("/v1/wfm/schedules/{scheduleId}:cancel", { params: { path }, body: {} }));
      await refresh();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy("");
    }
  };
  const { figures } = schedule;
  const spent = schedule.spentSeconds ?? 0;
  const near = figures ? nearText(figures, language, t) : t("schedules.waiting");
  const shown: [string, string, string][] = [
    ["near", t("schedules.quality"), near],
    ["cost", t("schedules.cost"), agentHours(figures?.cost, language)],
    ["bound", t("schedules.bound"), agentHours(figures?.bound, language)],
    ["under", t("schedules.missing"), agentHours(figures?.underHours, language)],
  ];
  return (
    <Panel label={t("schedules.making")} testId="making">
      <Progress
        value={figures ? Math.min(100, Math.max(4, (100 * spent) / Math.max(1, schedule.seconds ?? 1))) : 100}
        striped={!figures}
        animated={!figures}
        aria-label={t("schedules.making")}
        mb="sm"
      />
      <p className={classes.quiet} role="status">
        {t("schedules.spent", {
          spent: formatNumber(Math.round(spent), language),
          seconds: formatNumber(schedule.seconds ?? 0, language),
        })}
      </p>
      <dl className={classes.figures} style={{ marginBlock: 12 }}>
        {shown.map(([name, head, value]) => (
          <div key={name}>
            <dt>{head}</dt>
            <dd data-testid={`making-${name}`}>{figures || name === "near" ? value : "–"}</dd>
          </div>
        ))}
      </dl>
      <ProblemNote problem={problem} />
      {mayChange && (
        <Group gap="xs">
          <Button
            leftSection={<IconPlayerStop size={16} aria-hidden />}
            loading={busy === "stop"}
            onClick={() => void end("stop")}
            data-testid="making-stop"
          >
            {t("schedules.stop")}
          </Button>
          <Button
            variant="default"
            leftSection={<IconX size={16} aria-hidden />}
            loading={busy === "cancel"}
            onClick={() => void end("cancel")}
            data-testid="making-cancel"
          >
            {t("schedules.cancel")}
          </Button>
        </Group>
      )}
    </Panel>
  );
}
