import { ActionIcon, Button, SegmentedControl } from "@mantine/core";
import { IconCalendarTime, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import type { MyWeek, WorkShift } from "../../api/types.ts";
import { formatDate, weekdayName } from "../../format/dates.ts";
import { localDigits } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { directionOf } from "../../i18n/languages.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { useServerNow } from "../../ui/Time.tsx";
import { daysLater, noonOf, ZONELESS } from "../planning/days.ts";
import { CalendarFeed } from "./CalendarFeed.tsx";
import classes from "./mine.module.css";
import { OfferForm } from "./OfferForm.tsx";
import { hours, hoursOf, hoursShown, minuteIn, mondayOf, shiftAt, span, todayIn, weekOf } from "./shifts.ts";
import { useWeeks } from "./useMine.ts";

const LIST_WEEKS = 4;
const ANOTHER_MINUTE_MS = 30_000;

/** The week, or what comes in the next ones. */
export function WeekView() {
  const t = useText();
  const now = useServerNow(ANOTHER_MINUTE_MS);
  const [view, setView] = useState("week");
  const [back, setBack] = useState(0);
  // The company's day may be of the week before or after that of UTC, and yesterday's shift may go on.
  const here = useWeeks(daysLater(mondayOf(todayIn("UTC", now)), -7), 3);
  const zone = here.data?.timeZone || "UTC";
  const today = todayIn(zone, now);
  const monday = daysLater(mondayOf(today), back * 7);
  const count = view === "week" ? 1 : LIST_WEEKS;
  const { data, error, isPending, refetch } = useWeeks(monday, count);
  const [offering, setOffering] = useState<WorkShift>();
  if (isPending || here.isPending) return <Loading />;
  const weeks = data?.weeks ?? [];
  const away = (day: string) =>
    (data?.timeOff ?? []).some((each) => (each.firstDay ?? "") <= day && day <= (each.lastDay ?? ""));
  const out = weeks.some((each) => each.scheduleId);
  const step = view === "week" ? 1 : LIST_WEEKS;
  return (
    <div className={classes.stack}>
      <ProblemNote problem={error ?? here.error} onRetry={() => void refetch()} />
      <Today weeks={here.data?.weeks ?? []} day={today} zone={zone} now={now} />
      <div className={classes.head}>
        <Pager back={back} step={step} monday={monday} onChange={setBack} />
        <SegmentedControl
          value={view}
          onChange={setView}
          data={(["week", "list"] as const).map((each) => ({
            value: each,
            label: (
              <span data-testid={each === "list" ? "mine-list" : undefined}>{t(`mine.view.${each}`)}</span>
            ),
          }))}
        />
      </div>
      {data && !data.planned && !out ? (
        <Panel>
          <EmptyState icon={IconCalendarTime} title={t("mine.notPlanned")}>
            {t("mine.notPlannedBody")}
          </EmptyState>
        </Panel>
      ) : view === "week" ? (
        <Week
          week={weeks[0] ?? {}}
          monday={monday}
          zone={zone}
          now={now}
          today={today}
          away={away}
          onOffer={setOffering}
        />
      ) : (
        <Upcoming weeks={weeks} zone={zone} onOffer={setOffering} now={now} />
      )}
      <p className={classes.quiet} data-testid="mine-zone">
        {t("mine.zone", { zone })}
      </p>
      <CalendarFeed />
      {offering && <OfferForm shift={offering} zone={zone} onClose={() => setOffering(undefined)} />}
    </div>
  );
}

interface PagerProps {
  back: number;
  step: number;
  monday: string;
  onChange: (back: number) => void;
}

function Pager({ back, step, monday, onChange }: PagerProps) {
  const t = useText();
  const language = useLanguage();
  const rtl = directionOf(language) === "rtl";
  const [Before, After] = rtl ? [IconChevronRight, IconChevronLeft] : [IconChevronLeft, IconChevronRight];
  return (
    <div className={classes.weeks} data-testid="mine-pager">
      <ActionIcon
        variant="default"
        size="lg"
        aria-label={t("planning.earlier")}
        onClick={() => onChange(back - step)}
      >
        <Before size={18} aria-hidden />
      </ActionIcon>
      <span aria-live="polite">
        {t("planning.week", { day: formatDate(noonOf(monday), language, ZONELESS) })}
      </span>
      <ActionIcon
        variant="default"
        size="lg"
        aria-label={t("planning.later")}
        onClick={() => onChange(back + step)}
      >
        <After size={18} aria-hidden />
      </ActionIcon>
      {back !== 0 && (
        <Button size="compact-sm" variant="subtle" onClick={() => onChange(0)}>
          {t("mine.thisWeek")}
        </Button>
      )}
    </div>
  );
}

/** What today is, with the breaks; "now" is the server's. */
function Today(props: { weeks: readonly MyWeek[]; day: string; zone: string; now: number }) {
  const t = useText();
  const language = useLanguage();
  const shift = shiftAt(props.weeks, props.now, props.day);
  if (!shift) {
    return (
      <Panel label={t("mine.today")} testId="mine-today">
        <p className={classes.quiet}>{t("mine.freeToday")}</p>
      </Panel>
    );
  }
  const shown = hoursShown([shift], props.zone);
  const on = Date.parse(shift.startTime ?? "") <= props.now && props.now < Date.parse(shift.endTime ?? "");
  return (
    <Panel label={t("mine.today")} testId="mine-today">
      <div className={classes.now}>
        <div className={classes.row}>
          <span className={classes.quiet}>{t("mine.today")}</span>
          {on && <Tag tone="good">{t("mine.onShift")}</Tag>}
        </div>
        <strong>{span(shift, language, props.zone)}</strong>
        <Track shift={shift} shown={shown} zone={props.zone} now={props.now} />
        <Breaks shift={shift} zone={props.zone} />
      </div>
    </Panel>
  );
}

function Breaks({ shift, zone }: { shift: WorkShift; zone: string }) {
  const t = useText();
  const language = useLanguage();
  return (
    <ul className={classes.breaks}>
      <li>{t("mine.hours", { hours: hours(hoursOf(shift), language) })}</li>
      {(shift.breaks ?? []).map((each) => (
        <li key={each.startTime}>
          {t(each.paid ? "mine.paidBreak" : "mine.break", { time: span(each, language, zone) })}
        </li>
      ))}
    </ul>
  );
}

interface TrackProps {
  shift: WorkShift;
  shown: [number, number];
  zone: string;
  now: number;
}

/** A shift on the day's hours, its breaks lighter. */
function Track({ shift, shown, zone, now }: TrackProps) {
  const [from, to] = shown;
  const day = shift.day ?? "";
  const at = (time: string | undefined) => (minuteIn(time, day, zone) / 60 - from) / (to - from);
  const place = (of: { startTime?: string; endTime?: string }) => ({
    insetInlineStart: `${at(of.startTime) * 100}%`,
    inlineSize: `${(at(of.endTime) - at(of.startTime)) * 100}%`,
  });
  const mark = at(new Date(now).toISOString());
  return (
    <div className={classes.track} aria-hidden>
      <span className={classes.bar} style={place(shift)} />
      {(shift.breaks ?? []).map((each) => (
        <span key={each.startTime} className={classes.rest} style={place(each)} />
      ))}
      {mark > 0 && mark < 1 && (
        <span className={classes.mark} style={{ insetInlineStart: `${mark * 100}%` }} />
      )}
    </div>
  );
}

interface WeekProps {
  week: MyWeek;
  monday: string;
  zone: string;
  now: number;
  today: string;
  away: (day: string) => boolean;
  onOffer: (shift: WorkShift) => void;
}

function Week({ week, monday, zone, now, today, away, onOffer }: WeekProps) {
  const t = useText();
  const language = useLanguage();
  const shown = hoursShown(week.shifts ?? [], zone);
  if (!week.scheduleId) {
    return (
      <Panel>
        <EmptyState icon={IconCalendarTime} title={t("mine.notOut")}>
          {t("mine.notOutBody")}
        </EmptyState>
      </Panel>
    );
  }
  const [from, to] = shown;
  return (
    <Panel flush label={t("mine.tab.week")} testId="mine-days">
      <ul className={classes.days}>
        {weekOf(monday).map((day, at) => {
          const shift = (week.shifts ?? []).find((each) => each.day === day);
          return (
            <li key={day} className={classes.day} data-today={day === today} data-testid={`day-${day}`}>
              <div className={classes.date}>
                <b>{weekdayName(at + 1, language)}</b>
                <span>{formatDate(noonOf(day), language, ZONELESS)}</span>
              </div>
              <div className={classes.times}>
                {shift ? (
                  span(shift, language, zone)
                ) : away(day) ? null : (
                  <span className={classes.free}>{t("mine.free")}</span>
                )}
                {away(day) && <Tag tone="info">{t("mine.away")}</Tag>}
              </div>
              {shift ? <Track shift={shift} shown={shown} zone={zone} now={now} /> : <span />}
              {shift && Date.parse(shift.startTime ?? "") > now ? (
                <OfferButton shift={shift} onOffer={onOffer} />
              ) : (
                <span />
              )}
            </li>
          );
        })}
      </ul>
      <div className={classes.scale} aria-hidden>
        {[from, (from + to) / 2, to].map((hour) => (
          <span key={hour}>
            {localDigits(`${Math.floor(hour) % 24}:${hour % 1 ? "30" : "00"}`, language)}
          </span>
        ))}
      </div>
      <p className={classes.quiet} style={{ padding: "0 16px 12px" }} data-testid="mine-sum">
        {t("mine.sum", { hours: hours((week.workedMinutes ?? 0) / 60, language) })}
      </p>
    </Panel>
  );
}

function OfferButton({ shift, onOffer }: { shift: WorkShift; onOffer: (shift: WorkShift) => void }) {
  const t = useText();
  const language = useLanguage();
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() => onOffer(shift)}
      aria-label={`${t("mine.offer")}: ${formatDate(noonOf(shift.day), language, ZONELESS)}`}
      data-testid={`offer-${shift.day}`}
    >
      {t("mine.offer")}
    </Button>
  );
}

interface UpcomingProps {
  weeks: readonly MyWeek[];
  zone: string;
  now: number;
  onOffer: (shift: WorkShift) => void;
}

function Upcoming({ weeks, zone, now, onOffer }: UpcomingProps) {
  const t = useText();
  const language = useLanguage();
  const rows = weeks.flatMap((each) => each.shifts ?? []);
  if (rows.length === 0) {
    return (
      <Panel>
        <EmptyState icon={IconCalendarTime} title={t("mine.nothing")}>
          {t("mine.notOutBody")}
        </EmptyState>
      </Panel>
    );
  }
  return (
    <Panel flush label={t("mine.view.list")}>
      <DataTable<WorkShift>
        label={t("mine.view.list")}
        rows={rows}
        keyOf={(row) => row.day ?? ""}
        columns={[
          {
            head: t("mine.day"),
            cell: (row) =>
              `${weekdayName(new Date(`${row.day}T12:00Z`).getUTCDay() || 7, language)}, ${formatDate(noonOf(row.day), language, ZONELESS)}`,
          },
          {
            head: t("mine.time"),
            cell: (row) => <b className={classes.times}>{span(row, language, zone)}</b>,
          },
          { head: t("mine.rests"), cell: (row) => <Breaks shift={row} zone={zone} /> },
          {
            head: t("mine.offer"),
            quiet: true,
            cell: (row) =>
              Date.parse(row.startTime ?? "") > now && <OfferButton shift={row} onOffer={onOffer} />,
          },
        ]}
      />
    </Panel>
  );
}
