import { Anchor, Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useLocation, useParams } from "wouter";
import type { Schedule } from "../../../api/types.ts";
import { formatDateTime } from "../../../format/dates.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { mayEnter } from "../../../session/roles.ts";
import { useSession } from "../../../session/session.ts";
import { useStore } from "../../../store.ts";
import { ownTimeZone } from "../../../ui/fields.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { PageHeader } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import planning from "../planning.module.css";
import { weekText } from "../weeks.ts";
import { Compare } from "./Compare.tsx";
import { Draft } from "./draft.ts";
import { Editor } from "./Editor.tsx";
import type { Away } from "./GanttRow.tsx";
import { Making } from "./Making.tsx";
import { NewSchedule } from "./NewSchedule.tsx";
import { Copy, Publish } from "./Publishing.tsx";
import { StateTag } from "./StateTag.tsx";
import { daysFrom, hoursAhead } from "./time.ts";
import { usePlanned } from "./usePlanned.ts";
import {
  isDraft,
  isMade,
  isRunning,
  senderOf,
  useOpened,
  usePeopleNames,
  useRefreshSchedules,
  useSchedule,
  useTimeOff,
} from "./useSchedules.ts";

/** One version of a week: made, changed, published. */
export default function SchedulePage() {
  const t = useText();
  const language = useLanguage();
  const { scheduleId = "" } = useParams();
  const session = useSession();
  const mayChange = session.status === "signedIn" && mayEnter(session.user.role, "manage");
  const found = useSchedule(scheduleId);
  const schedule = found.data;
  const title = schedule
    ? t("schedules.title", {
        day: weekText(schedule.firstDay, language),
        number: formatNumber(schedule.number ?? 0, language),
      })
    : t("schedules.tab");
  const nameOf = usePeopleNames();
  const publishedBy = t("schedules.publishedBy", {
    name: isolated(nameOf(schedule?.publisher)),
    time: formatDateTime(schedule?.publishTime, language),
  });
  return (
    <>
      <PageHeader
        title={title}
        subtitle={
          schedule && (
            <>
              <Anchor component={Link} underline="always" href="/planning?tab=schedules">
                {t("schedules.all")}
              </Anchor>{" "}
              ·{" "}
              {schedule.displayName && (
                <>
                  <bdi>{schedule.displayName}</bdi> ·{" "}
                </>
              )}
              <StateTag schedule={schedule} /> <Zone schedule={schedule} />
            </>
          )
        }
        actions={schedule && <Actions key={scheduleId} schedule={schedule} mayChange={mayChange} />}
      />
      <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      {found.isPending && <Loading />}
      {schedule && (
        <div className={planning.stack}>
          {isRunning(schedule) && <Making schedule={schedule} mayChange={mayChange} />}
          {schedule.state === "SCHEDULE_STATE_CANCELLED" && (
            <Note tone="info">{t("schedules.wasCancelled")}</Note>
          )}
          {schedule.state === "SCHEDULE_STATE_FAILED" && <Note tone="bad">{t("schedules.hasFailed")}</Note>}
          {schedule.cutShort && <Note tone="warn">{t("schedules.cutShort")}</Note>}
          {isMade(schedule) && !isDraft(schedule) && (
            <Note
              tone="info"
              title={schedule.publisher ? publishedBy : undefined}
              testId="schedule-published"
            >
              {t("schedules.readOnly")}
            </Note>
          )}
          {isMade(schedule) && (
            <Opened key={`${scheduleId}${schedule.state}`} schedule={schedule} mayChange={mayChange} />
          )}
        </div>
      )}
    </>
  );
}

/** The zone its times are in, and how far that is from the reader's clock. */
function Zone({ schedule }: { schedule: Schedule }) {
  const t = useText();
  const language = useLanguage();
  const zone = schedule.timeZone ?? "UTC";
  const noon = Date.parse(`${schedule.firstDay}T12:00:00Z`);
  const ahead = hoursAhead(zone, ownTimeZone(), noon);
  const hours = formatNumber(Math.abs(ahead), language);
  return (
    <span data-testid="schedule-zone">
      {t("schedules.zone", { zone: `\u2066${zone}\u2069` })}{" "}
      {ahead !== 0 && t(ahead > 0 ? "schedules.zoneAhead" : "schedules.zoneBehind", { hours })}
    </span>
  );
}

function Actions({ schedule, mayChange }: { schedule: Schedule; mayChange: boolean }) {
  const t = useText();
  const [, go] = useLocation();
  const refresh = useRefreshSchedules();
  const [open, setOpen] = useState<"publish" | "copy" | "anew" | "compare">();
  const close = () => setOpen(undefined);
  if (!isMade(schedule)) return null;
  const button = (name: NonNullable<typeof open>, label: string, filled = false) => (
    <Button
      variant={filled ? "filled" : "default"}
      onClick={() => setOpen(name)}
      data-testid={`schedule-${name}`}
    >
      {label}
    </Button>
  );
  return (
    <>
      {button("compare", t("schedules.compare"))}
      {mayChange && button("copy", t("schedules.copy"))}
      {mayChange && button("anew", t("schedules.anew"))}
      {mayChange && isDraft(schedule) && button("publish", t("schedules.publish"), true)}
      {open === "publish" && <Publish schedule={schedule} onClose={close} onDone={refresh} />}
      {open === "copy" && (
        <Copy
          schedule={schedule}
          onClose={close}
          onDone={async (made) => {
            await refresh();
            go(`/planning/schedules/${made.scheduleId}`);
          }}
        />
      )}
      {open === "anew" && <NewSchedule base={schedule} onClose={close} />}
      {open === "compare" && <Compare schedule={schedule} onClose={close} />}
    </>
  );
}

function Opened({ schedule, mayChange }: { schedule: Schedule; mayChange: boolean }) {
  const scheduleId = schedule.scheduleId ?? "";
  const opened = useOpened(scheduleId, true);
  const { people, error } = usePlanned(schedule.groups);
  const away = useAway(schedule);
  const draft = useMemo(
    () => opened.data && new Draft(opened.data.loaded, senderOf(scheduleId)),
    [opened.data, scheduleId],
  );
  return (
    <>
      <ProblemNote problem={opened.error ?? error} onRetry={() => void opened.refetch()} />
      {!(draft && people && opened.data) ? (
        !(opened.error || error) && <Loading />
      ) : (
        <>
          <Told draft={draft} />
          <Editor
            draft={draft}
            covered={opened.data.covered}
            people={people}
            away={away}
            editable={mayChange && isDraft(schedule)}
          />
        </>
      )}
    </>
  );
}

/** Lets the rest of the page know what became of the version, so that publishing names the right one. */
function Told({ draft }: { draft: Draft }) {
  const queries = useQueryClient();
  const { schedule, waiting } = useStore(draft.store);
  const key = ["wfm", "schedule", schedule.scheduleId];
  const known = queries.getQueryData<Schedule>(key);
  if (
    waiting === 0 &&
    known &&
    known.version !== schedule.version &&
    Number(known.version) < Number(schedule.version)
  ) {
    queueMicrotask(() => queries.setQueryData(key, schedule));
  }
  return null;
}

function useAway(schedule: Schedule): ReadonlyMap<string, readonly Away[]> {
  const week = useMemo(
    () => daysFrom(schedule.firstDay ?? "", 7, schedule.timeZone ?? "UTC"),
    [schedule.firstDay, schedule.timeZone],
  );
  const text = (at: number | undefined) => new Date(at ?? 0).toISOString();
  const rows = useTimeOff(text(week[0]?.start), text(week.at(-1)?.end)).data;
  return useMemo(() => {
    const found = new Map<string, Away[]>();
    for (const each of rows ?? []) {
      const away = { start: Date.parse(each.startTime ?? ""), end: Date.parse(each.endTime ?? "") };
      found.set(each.userId ?? "", [...(found.get(each.userId ?? "") ?? []), away]);
    }
    return found;
  }, [rows]);
}
