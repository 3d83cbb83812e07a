import { Button } from "@mantine/core";
import { IconArrowBackUp, IconCheck, IconSend, IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import { asProblem } from "../../../api/problem.ts";
import type { Adjustment, BreakMove, OfferSuggestion, ShiftOffer } from "../../../api/types.ts";
import { formatTime } from "../../../format/dates.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note, Tag, type Tone } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { SiteZone } from "../SiteZone.tsx";
import { useClocks } from "../useClocks.ts";
import classes from "./intraday.module.css";
import { kindOf } from "./kinds.ts";
import { useChanges } from "./useToday.ts";

const TONES: Record<string, Tone> = {
  OPEN: "info",
  FILLED: "good",
  CANCELLED: "neutral",
  EXPIRED: "neutral",
};

/** What would help the day, applied with one click and undone with another; offers, and who took them. */
export function Changes({ day, zone }: { day: string; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const queries = useQueryClient();
  const { suggestions, adjustments, offers } = useChanges(day);
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<unknown>();
  const zoneOf = useClocks(zone);
  const time = (value: string | undefined) => formatTime(value, language, zone);
  const theirs = (userId: string | undefined) => (value: string | undefined) =>
    formatTime(value, language, zoneOf(userId));
  const span = (from: string | undefined, until: string | undefined) =>
    t("adherence.span", { from: time(from), until: time(until) });
  const hours = (value: number | undefined) => formatNumber(value ?? 0, language, 1);
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const run = async (key: string, work: () => Promise<unknown>) => {
    setBusy(key);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy("");
      await queries.invalidateQueries({ queryKey: ["intraday"] });
    }
  };
  const act = (key: string, label: string, name: string, sign: ReactNode, work: () => Promise<unknown>) => (
    <Button
      size="xs"
      variant="default"
      leftSection={sign}
      loading={busy === key}
      disabled={busy !== ""}
      aria-label={`${label}: ${name}`}
      onClick={() => void run(key, work)}
      data-testid={key}
    >
      {label}
    </Button>
  );
  const move = (each: BreakMove) =>
    ask(
      api.POST("/v1/wfm/intraday/{day}:moveBreak", {
        params: { path: { day } },
        body: {
          requestId: newRequestId(),
          userId: each.userId ?? "",
          startTime: each.startTime ?? "",
          newStartTime: each.newStartTime ?? "",
        },
      }),
    );
  const offer = (each: OfferSuggestion) =>
    ask(
      api.POST("/v1/wfm/shiftOffers", {
        body: {
          requestId: newRequestId(),
          shiftOffer: {
            kind: each.kind,
            startTime: each.startTime ?? "",
            endTime: each.endTime,
            places: each.places,
            replies: (each.userIds ?? []).map((userId) => ({ userId })),
          },
        },
      }),
    );
  const undo = (each: Adjustment) => {
    const path = { adjustmentId: each.adjustmentId ?? "" };
    return ask(api.POST("/v1/wfm/adjustments/{adjustmentId}:undo", { params: { path }, body: {} }));
  };
  const cancel = (each: ShiftOffer) => {
    const path = { shiftOfferId: each.shiftOfferId ?? "" };
    return ask(api.POST("/v1/wfm/shiftOffers/{shiftOfferId}:cancel", { params: { path }, body: {} }));
  };
  const reason = suggestions.error ? asProblem(suggestions.error).reason : "";
  const moves = suggestions.data?.breakMoves ?? [];
  const offered = suggestions.data?.offers ?? [];
  const unpublished = reason === "DAY_NOT_PUBLISHED" || reason === "INTRADAY_NO_FORECAST";
  return (
    <>
      <Panel label={t("changes.title")} testId="suggestions">
        <h2 className={classes.title}>{t("changes.title")}</h2>
        <ProblemNote problem={problem ?? (unpublished ? undefined : suggestions.error)} />
        {suggestions.isPending && <Loading />}
        {unpublished && <Note tone="info">{t("changes.unpublished")}</Note>}
        {suggestions.data && moves.length + offered.length === 0 && (
          <p className={classes.lead}>{t("changes.nothing")}</p>
        )}
        <ul className={classes.list}>
          {moves.map((each) => {
            const name = names.user(each.userId);
            return (
              <li key={`${each.userId} ${each.startTime}`} className={classes.change}>
                <span>
                  <bdi>{name}</bdi>:{" "}
                  {t("changes.move", {
                    from: theirs(each.userId)(each.startTime),
                    to: theirs(each.userId)(each.newStartTime),
                  })}
                  <SiteZone zone={zoneOf(each.userId)} company={zone} at={each.startTime} />{" "}
                  <span className={classes.quiet}>
                    {t("changes.saves", { hours: hours(each.savedHours) })}
                  </span>
                </span>
                {act(
                  `move-${each.userId}`,
                  t("changes.apply"),
                  name,
                  <IconCheck size={14} aria-hidden />,
                  () => move(each),
                )}
              </li>
            );
          })}
          {offered.map((each) => {
            const words = `${textOr("adjustmentKind", kindOf(each.kind))} ${span(each.startTime, each.endTime)}`;
            const key = `offer-${kindOf(each.kind)}-${each.startTime}`;
            return (
              <li key={`${key} ${each.group}`} className={classes.change}>
                <span>
                  {words}{" "}
                  <span className={classes.quiet}>
                    {t("changes.places", {
                      places: count(each.places),
                      hours: hours(each.hours),
                      able: count(each.userIds?.length),
                    })}
                  </span>
                </span>
                {act(key, t("changes.offer"), words, <IconSend size={14} aria-hidden />, () => offer(each))}
              </li>
            );
          })}
        </ul>
      </Panel>
      {(offers.data ?? []).length > 0 && (
        <Panel label={t("changes.offers")} testId="offers">
          <h2 className={classes.title}>{t("changes.offers")}</h2>
          <ul className={classes.list}>
            {offers.data?.map((each) => {
              const state = (each.state ?? "").replace("SHIFT_OFFER_STATE_", "");
              const words = `${textOr("adjustmentKind", kindOf(each.kind))} ${span(each.startTime, each.endTime)}`;
              const accepted = (each.replies ?? []).filter(
                (reply) => reply.state === "SHIFT_OFFER_REPLY_STATE_ACCEPTED",
              );
              return (
                <li key={each.shiftOfferId} className={classes.change}>
                  <span>
                    {words} <Tag tone={TONES[state] ?? "neutral"}>{textOr("offerState", state)}</Tag>{" "}
                    <span className={classes.quiet}>
                      {t("changes.taken", {
                        taken: count(each.taken),
                        places: count(each.places),
                        asked: count(each.replies?.length),
                      })}{" "}
                      {accepted.map((reply) => names.user(reply.userId)).join(", ")}
                    </span>
                  </span>
                  {state === "OPEN" &&
                    act(
                      `cancel-${each.shiftOfferId}`,
                      t("changes.cancel"),
                      words,
                      <IconX size={14} aria-hidden />,
                      () => cancel(each),
                    )}
                </li>
              );
            })}
          </ul>
        </Panel>
      )}
      {(adjustments.data ?? []).length > 0 && (
        <Panel label={t("changes.done")} testId="adjustments">
          <h2 className={classes.title}>{t("changes.done")}</h2>
          <ul className={classes.list}>
            {adjustments.data?.map((each) => {
              const name = names.user(each.userId);
              return (
                <li key={each.adjustmentId} className={classes.change}>
                  <span>
                    <bdi>{name}</bdi>: {textOr("adjustmentKind", kindOf(each.kind))}{" "}
                    {wordsOf(each, theirs(each.userId), t)}
                    <SiteZone zone={zoneOf(each.userId)} company={zone} at={each.applyTime} />{" "}
                    <span className={classes.quiet}>{time(each.applyTime)}</span>
                  </span>
                  {each.undone ? (
                    <Tag>{t("changes.undone")}</Tag>
                  ) : (
                    act(
                      `undo-${each.adjustmentId}`,
                      t("changes.undo"),
                      name,
                      <IconArrowBackUp size={14} aria-hidden />,
                      () => undo(each),
                    )
                  )}
                </li>
              );
            })}
          </ul>
        </Panel>
      )}
    </>
  );
}

/** What a change made of a shift: "12:00 to 13:00". */
function wordsOf(
  { kind, before, after }: Adjustment,
  time: (value: string | undefined) => string,
  t: ReturnType<typeof useText>,
): string {
  if (kindOf(kind) === "BREAK_MOVE") {
    const old = before?.breaks ?? [];
    const now = after?.breaks ?? [];
    const from = old.find((each) => !now.some((one) => one.startTime === each.startTime));
    const to = now.find((each) => !old.some((one) => one.startTime === each.startTime));
    return t("changes.moved", { from: time(from?.startTime), to: time(to?.startTime) });
  }
  return after
    ? t("adherence.span", { from: time(after.startTime), until: time(after.endTime) })
    : t("changes.free");
}
