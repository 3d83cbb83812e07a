import { Button, Select } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { ShiftTrade, WorkShift } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Note, Tag, type Tone } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { noonOf, ZONELESS } from "../planning/days.ts";
import classes from "./mine.module.css";
import { mondayOf, span } from "./shifts.ts";
import { usePeople, useReadAgain, useTrades, useWeeks } from "./useMine.ts";
import { ZoneSaid } from "./ZoneSaid.tsx";

export const TRADE_TONES: Record<string, Tone> = {
  OPEN: "info",
  ACCEPTED: "warn",
  DONE: "good",
  REFUSED: "bad",
  WITHDRAWN: "neutral",
  EXPIRED: "neutral",
};

export function tradeState(trade: ShiftTrade): string {
  return (trade.state ?? "SHIFT_TRADE_STATE_OPEN").replace("SHIFT_TRADE_STATE_", "");
}

/** What colleagues offer, and what became of one's own. */
export function Trades() {
  const t = useText();
  const { data, error, isPending, refetch } = useTrades();
  const { me } = usePeople();
  const [accepting, setAccepting] = useState<ShiftTrade>();
  if (isPending) return <Loading />;
  const trades = data ?? [];
  const offered = trades.filter((each) => each.userId !== me && tradeState(each) === "OPEN");
  const own = trades.filter((each) => !offered.includes(each));
  return (
    <div className={classes.stack}>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      <div className={classes.head}>
        <h2>{t("mine.board")}</h2>
      </div>
      {offered.length > 0 ? (
        <ul className={classes.cards} data-testid="board">
          {offered.map((each) => (
            <TradeCard key={each.shiftTradeId} trade={each} onAccept={() => setAccepting(each)} />
          ))}
        </ul>
      ) : (
        <Panel>
          <EmptyState icon={IconArrowsExchange} title={t("mine.boardEmpty")}>
            {t("mine.boardEmptyBody")}
          </EmptyState>
        </Panel>
      )}
      {own.length > 0 && (
        <>
          <div className={classes.head}>
            <h2>{t("mine.ownTrades")}</h2>
          </div>
          <ul className={classes.cards} data-testid="own-trades">
            {own.map((each) => (
              <TradeCard key={each.shiftTradeId} trade={each} />
            ))}
          </ul>
        </>
      )}
      {accepting && <AcceptForm trade={accepting} onClose={() => setAccepting(undefined)} />}
    </div>
  );
}

function TradeCard({ trade, onAccept }: { trade: ShiftTrade; onAccept?: () => void }) {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const { me, name } = usePeople();
  const [problem, setProblem] = useState<unknown>();
  const zone = useZone(trade);
  const state = tradeState(trade);
  const day = (value: string | undefined) => formatDate(noonOf(value), language, ZONELESS);
  const mayWithdraw = (state === "OPEN" && trade.userId === me) || state === "ACCEPTED";
  const withdraw = async () => {
    const path = { shiftTradeId: trade.shiftTradeId ?? "" };
    await ask(
      api.POST("/v1/mySchedule/trades/{shiftTradeId}:withdraw", { params: { path }, body: {} }),
    ).catch(setProblem);
    await readAgain();
  };
  return (
    <li className={classes.card} data-testid={`trade-${trade.day}`}>
      <div className={classes.row}>
        <Tag tone={TRADE_TONES[state] ?? "neutral"}>{textOr("tradeState", state)}</Tag>
        <span className={classes.quiet}>
          <bdi>{name(trade.userId)}</bdi>
          {trade.colleagueId && (
            <>
              {" ↔ "}
              <bdi>{name(trade.colleagueId)}</bdi>
            </>
          )}
        </span>
      </div>
      <h3>{formatDate(trade.shift?.startTime, language, zone)}</h3>
      <p className={classes.times}>
        {span(trade.shift ?? {}, language, zone)} <ZoneSaid zone={zone} />
      </p>
      <p className={classes.quiet}>
        {trade.colleagueShift
          ? t("mine.for", {
              day: formatDate(trade.colleagueShift.startTime, language, zone),
              time: span(trade.colleagueShift, language, zone),
            })
          : trade.swap
            ? t("mine.wants", { days: (trade.wantedDays ?? []).map(day).join(" · ") || t("mine.anyDay") })
            : t("mine.givesAway")}
      </p>
      {trade.note && (
        <p>
          <bdi>{trade.note}</bdi>
        </p>
      )}
      {(trade.concerns ?? []).length > 0 && state === "ACCEPTED" && (
        <p className={classes.quiet}>{t("mine.waitsForManager")}</p>
      )}
      {trade.decisionReason && (
        <p className={classes.quiet}>
          <bdi>{trade.decisionReason}</bdi>
        </p>
      )}
      <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
      <div className={classes.row}>
        {onAccept && (
          <Button size="compact-md" onClick={onAccept} data-testid="trade-accept">
            {t("mine.accept")}
          </Button>
        )}
        {!onAccept && mayWithdraw && (
          <Button size="compact-md" variant="default" onClick={() => void withdraw()}>
            {t("mine.withdraw")}
          </Button>
        )}
      </div>
    </li>
  );
}

/** The reader's site's zone or the company's, which all times here are in: the day a colleague's shift is of may be
 * another one by their clocks. */
function useZone(trade: ShiftTrade): string {
  return useWeeks(mondayOf(trade.day ?? "2026-01-05"), 1).data?.timeZone || "UTC";
}

/** Accepts a trade: which own shift is given for it, and what speaks against it, said before. */
function AcceptForm({ trade, onClose }: { trade: ShiftTrade; onClose: () => void }) {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const [requestId] = useState(newRequestId);
  const week = useWeeks(mondayOf(trade.day ?? ""), 1).data;
  const zone = week?.timeZone || "UTC";
  const wanted = trade.wantedDays ?? [];
  const own: readonly WorkShift[] = (week?.weeks?.[0]?.shifts ?? []).filter(
    (each) => wanted.length === 0 || wanted.includes(each.day ?? ""),
  );
  const [day, setDay] = useState("");
  const path = { shiftTradeId: trade.shiftTradeId ?? "" };
  const ready = !trade.swap || Boolean(day);
  const looked = useLook(trade, day, ready);
  const save = async () => {
    const body = { requestId, ...(day && { day }) };
    await ask(api.POST("/v1/mySchedule/trades/{shiftTradeId}:accept", { params: { path }, body }));
    await readAgain();
  };
  return (
    <FormModal
      title={t("mine.accept")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("mine.accept")}
      saveDisabled={!ready || looked.rules.length > 0}
      testId="accept-form"
    >
      <div>
        <b>{formatDate(trade.shift?.startTime, language, zone)}</b>{" "}
        <span className={classes.times}>{span(trade.shift ?? {}, language, zone)}</span>{" "}
        <ZoneSaid zone={zone} />
      </div>
      {trade.swap && (
        <Select
          label={t("mine.giveForIt")}
          required
          data={own.map((each) => ({
            value: each.day ?? "",
            label: `${formatDate(noonOf(each.day), language, ZONELESS)}, ${span(each, language, zone)}`,
          }))}
          nothingFoundMessage={t("mine.noneToGive")}
          value={day || null}
          onChange={(next) => setDay(next ?? "")}
          data-testid="accept-day"
        />
      )}
      <div aria-live="polite">
        <ProblemNote problem={looked.problem} />
        {looked.rules.length > 0 ? (
          <Note tone="bad" title={t("mine.breaks")} testId="accept-breaks">
            <ul className={classes.plain}>
              {looked.rules.map((each) => (
                <li key={each}>{textOr("workRule", each)}</li>
              ))}
            </ul>
          </Note>
        ) : (
          looked.state && (
            <Note tone={looked.state === "DONE" ? "good" : "warn"} testId="accept-verdict">
              {t(looked.state === "DONE" ? "mine.doneAtOnce" : "mine.waitsForManager")}
            </Note>
          )
        )}
      </div>
    </FormModal>
  );
}

const SOFT = ["TOO_FEW_HOURS", "TOO_FEW_DAYS"];

/** What would come of it. */
function useLook(trade: ShiftTrade, day: string, ready: boolean) {
  const [found, setFound] = useState<{ rules: string[]; state?: string; problem?: unknown }>({ rules: [] });
  const shiftTradeId = trade.shiftTradeId ?? "";
  useEffect(() => {
    if (!ready) return setFound({ rules: [] });
    let current = true;
    const body = { requestId: "", validateOnly: true, ...(day && { day }) };
    ask(
      api.POST("/v1/mySchedule/trades/{shiftTradeId}:accept", { params: { path: { shiftTradeId } }, body }),
    ).then(
      (answer) => {
        const rules = (answer.violations ?? [])
          .map((each) => each.rule ?? "")
          .filter((each) => !SOFT.includes(each));
        if (current) setFound({ rules: [...new Set(rules)], state: tradeState(answer.shiftTrade ?? {}) });
      },
      (problem: unknown) => current && setFound({ rules: [], problem }),
    );
    return () => {
      current = false;
    };
  }, [shiftTradeId, day, ready]);
  return found;
}
