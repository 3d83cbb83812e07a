import { Button, TextInput } from "@mantine/core";
import { IconCalendarTime, IconSettings, IconShieldCheck, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { useNames } from "../../../api/names.ts";
import type { BoardAgent } from "../../../api/types.ts";
import { formatTime } from "../../../format/dates.ts";
import { formatNumber, formatShare } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import { Elapsed } from "../../../ui/Time.tsx";
import { dayOf } from "../days.ts";
import { SiteZone } from "../SiteZone.tsx";
import { useClocks } from "../useClocks.ts";
import { AgentDay } from "./AgentDay.tsx";
import { ExceptionForm } from "./ExceptionForm.tsx";
import { Exceptions } from "./Exceptions.tsx";
import { Figure } from "./Figure.tsx";
import classes from "./intraday.module.css";
import { RulesForm } from "./RulesForm.tsx";
import { activityOf, shareOf, stateOf, useBoard } from "./useAdherence.ts";

const TONES: Record<string, Tone> = {
  OUT: "bad",
  TOLERATED: "warn",
  UNPLANNED: "info",
  IN: "good",
  EXCUSED: "info",
  OFF: "neutral",
};

/** Who does what is planned now, and who doesn't, since when. */
export function AdherenceBoard({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const board = useBoard();
  const zoneOf = useClocks(board.data?.timeZone || "UTC");
  const [wanted, setWanted] = useState("");
  const [looking, setLooking] = useState<string>();
  const [excusing, setExcusing] = useState<string>();
  const [ruling, setRuling] = useState(false);
  if (!board.data) return board.error ? <ProblemNote problem={board.error} /> : <Loading />;
  const { agents = [], figures, timeZone, readTime } = board.data;
  const zone = timeZone || "UTC";
  const today = dayOf(readTime ?? new Date(), zone);
  const share = (value: number | undefined) => (value === undefined ? "–" : formatShare(value, language));
  const count = (...states: string[]) =>
    formatNumber(agents.filter((each) => states.includes(stateOf(each.state))).length, language);
  const words = wanted.trim().toLocaleLowerCase(language);
  const shown = agents.filter((each) => names.user(each.userId).toLocaleLowerCase(language).includes(words));
  return (
    <div className={classes.stack}>
      <ProblemNote problem={board.error} onRetry={() => void board.refetch()} />
      <div className={classes.figures}>
        <Figure
          label={t("adherence.out")}
          value={count("OUT")}
          bad={count("OUT") !== formatNumber(0, language)}
          testId="adherence-out"
        />
        <Figure label={t("adherence.onShift")} value={count("OUT", "IN", "TOLERATED", "EXCUSED")} />
        <Figure
          label={t("adherence.today")}
          value={share(shareOf(figures, "adherence"))}
          testId="adherence-today"
        />
        <Figure label={t("adherence.conformanceToday")} value={share(shareOf(figures, "conformance"))} />
      </div>
      <div className={classes.bar}>
        <TextInput
          label={t("adherence.search")}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
          data-testid="adherence-search"
        />
        <Button
          leftSection={<IconShieldCheck size={16} aria-hidden />}
          onClick={() => setExcusing("")}
          data-testid="exception-add"
        >
          {t("adherence.excuse")}
        </Button>
        {mayChange && (
          <Button
            variant="default"
            leftSection={<IconSettings size={16} aria-hidden />}
            onClick={() => setRuling(true)}
            data-testid="adherence-rules"
          >
            {t("adherence.rules")}
          </Button>
        )}
      </div>
      <Panel label={t("adherence.board")} flush={shown.length > 0} testId="adherence-board">
        {shown.length > 0 ? (
          <DataTable<BoardAgent>
            label={t("adherence.board")}
            rows={shown}
            keyOf={(row) => row.userId ?? ""}
            testId={(row) => `adherence-${row.userId}`}
            columns={[
              { head: t("adherence.agent"), cell: (row) => <bdi>{names.user(row.userId)}</bdi> },
              {
                head: t("adherence.state"),
                testId: "standing",
                cell: (row) => (
                  <>
                    <Tag tone={TONES[stateOf(row.state)] ?? "neutral"} dot>
                      {textOr("adherenceState", stateOf(row.state))}
                    </Tag>{" "}
                    {row.outTime && <Elapsed since={row.outTime} />}
                  </>
                ),
              },
              {
                head: t("adherence.planned"),
                cell: (row) => (
                  <>
                    <Planned
                      activity={activityOf(row.planned)}
                      until={row.plannedUntilTime}
                      zone={zoneOf(row.userId)}
                    />
                    {row.plannedUntilTime && (
                      <SiteZone zone={zoneOf(row.userId)} company={zone} at={row.plannedUntilTime} />
                    )}
                  </>
                ),
              },
              {
                head: t("adherence.does"),
                cell: (row) => (
                  <>
                    <span>{doesOf(row)}</span>{" "}
                    <span className={classes.quiet}>
                      <Elapsed since={row.agentStateTime} />
                    </span>
                  </>
                ),
              },
              { head: t("adherence.adherence"), cell: (row) => share(shareOf(row.figures, "adherence")) },
              { head: t("adherence.conformance"), cell: (row) => share(shareOf(row.figures, "conformance")) },
              {
                head: t("adherence.actions"),
                quiet: true,
                cell: (row) => (
                  <>
                    <IconAction
                      icon={IconCalendarTime}
                      label={`${t("adherence.day")}: ${names.user(row.userId)}`}
                      onClick={() => setLooking(row.userId)}
                      testId={`day-${row.userId}`}
                    />
                    <IconAction
                      icon={IconShieldCheck}
                      label={`${t("adherence.excuse")}: ${names.user(row.userId)}`}
                      onClick={() => setExcusing(row.userId ?? "")}
                      testId={`excuse-${row.userId}`}
                    />
                  </>
                ),
              },
            ]}
          />
        ) : (
          <EmptyState icon={IconUsers} title={t(agents.length ? "adherence.noneFound" : "adherence.nobody")}>
            {t(agents.length ? "adherence.noneFoundBody" : "adherence.nobodyBody")}
          </EmptyState>
        )}
      </Panel>
      <Exceptions day={today} zone={zone} />
      {looking && (
        <AgentDay
          userId={looking}
          today={dayOf(readTime ?? new Date(), zoneOf(looking))}
          company={zone}
          onClose={() => setLooking(undefined)}
        />
      )}
      {excusing !== undefined && (
        <ExceptionForm
          userId={excusing}
          since={agents.find((each) => each.userId === excusing)?.outTime}
          zone={zone}
          onClose={() => setExcusing(undefined)}
        />
      )}
      {ruling && <RulesForm onClose={() => setRuling(false)} />}
    </div>
  );
}

/** The reason where there is one, otherwise the state. */
export function doesOf({ agentState, reason }: Pick<BoardAgent, "agentState" | "reason">): string {
  return reason
    ? textOr("reason", reason)
    : textOr("state", (agentState ?? "AGENT_STATE_OFFLINE").replace("AGENT_STATE_", ""));
}

function Planned({ activity, until, zone }: { activity: string; until: string | undefined; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const time = formatTime(until, language, zone);
  const words = textOr("activity", activity);
  if (!until) return <span>{words}</span>;
  return (
    <span>
      {activity === "OFF" ? t("adherence.from", { time }) : t("adherence.until", { what: words, time })}
    </span>
  );
}
