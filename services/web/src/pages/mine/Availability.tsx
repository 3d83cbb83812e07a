import { Button, Checkbox, Switch } from "@mantine/core";
import { IconCalendarTime, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { AgentAvailability, OpenInterval } from "../../api/types.ts";
import { formatDate, weekdayName } from "../../format/dates.ts";
import { isolated } from "../../format/isolated.ts";
import { localDigits } from "../../format/numbers.ts";
import { clockOf, EIGHT_TO_SIX, minuteOf, WEEK } from "../../format/weeks.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { WeekFields } from "../../ui/WeekFields.tsx";
import { noonOf, ZONELESS } from "../planning/days.ts";
import classes from "./mine.module.css";
import { MINE, useReadAgain } from "./useMine.ts";

/** When somebody can come and would rather come: what holds, what is to hold, and saying so. */
export function Availability() {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const [saying, setSaying] = useState<AgentAvailability>();
  const [removing, setRemoving] = useState<AgentAvailability>();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [MINE, "availability"],
    queryFn: () => ask(api.GET("/v1/mySchedule/availability")),
    retry: false,
  });
  if (isPending) return <Loading />;
  if (error && asProblem(error).reason === "PLANNED_AGENT_NOT_FOUND") {
    return (
      <Panel>
        <EmptyState icon={IconCalendarTime} title={t("mine.notPlanned")}>
          {t("mine.notPlannedBody")}
        </EmptyState>
      </Panel>
    );
  }
  const said = data?.availability ?? [];
  const last = said.at(-1);
  return (
    <div className={classes.stack}>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      <div className={classes.head}>
        <p className={classes.quiet}>{t("mine.availabilityBody")}</p>
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() => setSaying({ ...last, fromDay: data?.earliestDay ?? "" })}
          data-testid="say"
        >
          {t("mine.say")}
        </Button>
      </div>
      {said.map((each, at) => (
        <Panel key={each.fromDay ?? "now"} testId={`availability-${at}`}>
          <div className={classes.stack} style={{ gap: 8 }}>
            <div className={classes.head}>
              <h2>
                {at === 0
                  ? t("mine.holdsNow")
                  : t("mine.holdsFrom", { day: formatDate(noonOf(each.fromDay), language, ZONELESS) })}
              </h2>
              {at > 0 && (
                <Button size="compact-sm" variant="default" onClick={() => setRemoving(each)}>
                  {t("mine.withdraw")}
                </Button>
              )}
            </div>
            <Words value={each} />
          </div>
        </Panel>
      ))}
      {saying && (
        <SayForm value={saying} earliest={data?.earliestDay ?? ""} onClose={() => setSaying(undefined)} />
      )}
      <Confirm
        opened={removing !== undefined}
        title={t("mine.withdraw")}
        body={t("mine.unsay")}
        confirm={t("mine.withdraw")}
        onConfirm={async () => {
          const path = { fromDay: removing?.fromDay ?? "" };
          await ask(api.DELETE("/v1/mySchedule/availability/{fromDay}", { params: { path } }));
          await readAgain();
        }}
        onClose={() => setRemoving(undefined)}
      />
    </div>
  );
}

function Words({ value }: { value: AgentAvailability }) {
  const t = useText();
  const language = useLanguage();
  const stretches = value.availability ?? [];
  const free = value.wishedFreeWeekdays ?? [];
  const names = free.map((each) => weekdayName(each + 1, language)).join(" · ");
  return (
    <>
      {stretches.length === 0 ? (
        <p>{t("mine.always")}</p>
      ) : (
        <ul className={classes.plain}>
          {WEEK.map((weekday) => {
            const on = stretches.filter((each) => (each.weekday ?? 0) === weekday - 1);
            const times = on.map((each) =>
              isolated(
                localDigits(`${clockOf(each.startMinute ?? 0)}–${clockOf(each.endMinute ?? 0)}`, language),
              ),
            );
            return (
              <li key={weekday}>
                {weekdayName(weekday, language)}: {times.join(" · ") || t("mine.never")}
              </li>
            );
          })}
        </ul>
      )}
      {names && <p className={classes.quiet}>{t("mine.wishFree", { days: names })}</p>}
      {value.wishedEarliestStartMinute ? (
        <p className={classes.quiet}>
          {t("mine.wishEarliest", { time: isolated(clockOf(value.wishedEarliestStartMinute)) })}
        </p>
      ) : null}
      {value.wishedLatestEndMinute ? (
        <p className={classes.quiet}>
          {t("mine.wishLatest", { time: isolated(clockOf(value.wishedLatestEndMinute)) })}
        </p>
      ) : null}
    </>
  );
}

const quarter = (minute: number) => Math.round(minute / 15) * 15;

function SayForm({
  value,
  earliest,
  onClose,
}: {
  value: AgentAvailability;
  earliest: string;
  onClose: () => void;
}) {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const [said, setSaid] = useState(value);
  const set = (change: Partial<AgentAvailability>) => setSaid((before) => ({ ...before, ...change }));
  const stretches = said.availability ?? [];
  const intervals: OpenInterval[] = stretches.map((each) => ({ ...each, weekday: (each.weekday ?? 0) + 1 }));
  const write = (next: readonly OpenInterval[]) =>
    set({
      availability: next.map((each) => ({
        weekday: (each.weekday ?? 1) - 1,
        startMinute: quarter(each.startMinute ?? 0),
        endMinute: quarter(each.endMinute ?? 0),
      })),
    });
  const free = said.wishedFreeWeekdays ?? [];
  const save = async () => {
    const params = { path: { "availability.fromDay": said.fromDay ?? "" } };
    const { createTime: _, ...availability } = said;
    await ask(
      api.PUT("/v1/mySchedule/availability/{availability.fromDay}", { params, body: { availability } }),
    );
    await readAgain();
  };
  return (
    <FormModal title={t("mine.say")} onClose={onClose} onSave={save} size="lg" testId="say-form">
      <TextField
        type="date"
        required
        label={t("mine.from")}
        description={t("mine.earliest", { day: formatDate(noonOf(earliest), language, ZONELESS) })}
        min={earliest}
        value={said.fromDay ?? ""}
        onChange={(event) => set({ fromDay: event.currentTarget.value })}
        data-testid="say-from"
      />
      <Switch
        label={t("mine.always")}
        checked={stretches.length === 0}
        onChange={(event) => write(event.currentTarget.checked ? [] : EIGHT_TO_SIX)}
        data-testid="say-always"
      />
      {stretches.length > 0 && <WeekFields intervals={intervals} onChange={write} closed={t("mine.never")} />}
      <Checkbox.Group
        label={t("mine.wishFreeLabel")}
        value={free.map(String)}
        onChange={(next) => set({ wishedFreeWeekdays: next.map(Number) })}
      >
        <div className={classes.row} style={{ paddingBlockStart: 6 }}>
          {WEEK.map((weekday) => (
            <Checkbox key={weekday} value={String(weekday - 1)} label={weekdayName(weekday, language)} />
          ))}
        </div>
      </Checkbox.Group>
      <div className={classes.pair}>
        <TextField
          type="time"
          label={t("mine.wishEarliestLabel")}
          value={said.wishedEarliestStartMinute ? clockOf(said.wishedEarliestStartMinute) : ""}
          onChange={(event) => set({ wishedEarliestStartMinute: clockIn(event.currentTarget.value) })}
        />
        <TextField
          type="time"
          label={t("mine.wishLatestLabel")}
          value={said.wishedLatestEndMinute ? clockOf(said.wishedLatestEndMinute) : ""}
          onChange={(event) => set({ wishedLatestEndMinute: clockIn(event.currentTarget.value) })}
        />
      </div>
    </FormModal>
  );
}

function clockIn(clock: string): number {
  return clock ? minuteOf(clock) : 0;
}
