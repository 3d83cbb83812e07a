import { Button, NumberInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconGavel, IconPlus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Bid, BidRound, OpenShift } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { IconAction } from "../../ui/RowActions.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./mine.module.css";
import { mondayOf, span } from "./shifts.ts";
import { MINE, useReadAgain, useRounds, useWeeks } from "./useMine.ts";
import { ZoneSaid } from "./ZoneSaid.tsx";

export const ROUND_TONES: Record<string, Tone> = {
  OPEN: "info",
  ENDED: "warn",
  AWARDED: "good",
  CANCELLED: "neutral",
};
const OUTCOME_TONES: Record<string, Tone> = {
  WON: "good",
  TAKEN: "neutral",
  RULE: "warn",
  ENOUGH: "neutral",
};
const MOST = 7;

export function roundState(round: BidRound): string {
  return (round.state ?? "BID_ROUND_STATE_OPEN").replace("BID_ROUND_STATE_", "");
}

/** Shifts that may be bid for, the wanted ones in their order, and what came of it. */
export function Bids() {
  const t = useText();
  const rounds = useRounds();
  const bids = useQuery({
    queryKey: [MINE, "bids"],
    queryFn: async () => (await ask(api.GET("/v1/mySchedule/bids"))).myBids ?? [],
  });
  if (rounds.isPending || bids.isPending) return <Loading />;
  const mine = (round: BidRound) => bids.data?.find((each) => each.bidRoundId === round.bidRoundId)?.bid;
  const shown = (rounds.data ?? []).filter((each) => roundState(each) !== "CANCELLED");
  return (
    <div className={classes.stack}>
      <ProblemNote problem={rounds.error ?? bids.error} onRetry={() => void rounds.refetch()} />
      {shown.length === 0 ? (
        <Panel>
          <EmptyState icon={IconGavel} title={t("mine.noRounds")}>
            {t("mine.noRoundsBody")}
          </EmptyState>
        </Panel>
      ) : (
        shown.map((each) => <Round key={each.bidRoundId} round={each} bid={mine(each)} />)
      )}
    </div>
  );
}

function Round({ round, bid }: { round: BidRound; bid: Bid | undefined }) {
  const t = useText();
  const language = useLanguage();
  const state = roundState(round);
  const zone = useWeeks(mondayOf(round.firstDay ?? "2026-01-05"), 1).data?.timeZone || "UTC";
  return (
    <Panel label={round.displayName ?? ""} testId={`round-${round.displayName}`}>
      <div className={classes.stack} style={{ gap: 10 }}>
        <div className={classes.head}>
          <h2>
            <bdi>{round.displayName}</bdi>
          </h2>
          <Tag tone={ROUND_TONES[state] ?? "neutral"}>{textOr("roundState", state)}</Tag>
        </div>
        <p className={classes.quiet}>
          {t("mine.bidUntil")} <DateTime value={round.endTime} /> ·{" "}
          {textOr("bidOrder", (round.order ?? "").replace("BID_ORDER_", ""))}
        </p>
        {state === "OPEN" ? (
          <Ranking round={round} bid={bid} zone={zone} />
        ) : (
          <ul className={classes.wishes}>
            {(bid?.numbers ?? []).map((number) => {
              const outcome = bid?.outcomes?.find((each) => each.number === number);
              return (
                <li key={number} className={classes.wish}>
                  <ShiftWords shift={shiftOf(round, number)} zone={zone} />
                  {outcome && (
                    <span className={classes.row}>
                      <Tag tone={OUTCOME_TONES[outcome.outcome ?? ""] ?? "neutral"}>
                        {textOr("bidOutcome", outcome.outcome ?? "")}
                      </Tag>
                      {outcome.rule && (
                        <span className={classes.quiet}>{textOr("workRule", outcome.rule)}</span>
                      )}
                    </span>
                  )}
                </li>
              );
            })}
            {!bid && <li className={classes.quiet}>{t("mine.didNotBid")}</li>}
          </ul>
        )}
        {bid?.place ? (
          <p className={classes.quiet} data-testid="bid-place">
            {t("mine.place", { place: formatNumber(bid.place, language), standing: bid.standing || "–" })}
          </p>
        ) : null}
      </div>
    </Panel>
  );
}

function shiftOf(round: BidRound, number: number): OpenShift {
  return round.openShifts?.find((each) => each.number === number) ?? {};
}

export function ShiftWords({ shift, zone }: { shift: OpenShift; zone: string }) {
  const t = useText();
  const language = useLanguage();
  return (
    <span>
      {formatDate(shift.startTime, language, zone)} ·{" "}
      <b className={classes.times}>{span(shift, language, zone)}</b> <ZoneSaid zone={zone} />
      {(shift.places ?? 1) > 1 && (
        <span className={classes.quiet}>
          {" "}
          {t("mine.places", { count: formatNumber(shift.places ?? 1, language) })}
        </span>
      )}
    </span>
  );
}

/** The shifts wanted, in order; the rest below. */
function Ranking({ round, bid, zone }: { round: BidRound; bid: Bid | undefined; zone: string }) {
  const t = useText();
  const readAgain = useReadAgain();
  const [numbers, setNumbers] = useState<readonly number[]>(bid?.numbers ?? []);
  const [most, setMost] = useState(bid?.most || 1);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const rest = (round.openShifts ?? []).filter((each) => !numbers.includes(each.number ?? 0));
  const move = (at: number, by: number) => {
    const next = [...numbers];
    const [taken] = next.splice(at, 1);
    if (taken !== undefined) next.splice(at + by, 0, taken);
    setNumbers(next);
  };
  const same = JSON.stringify([numbers, most]) === JSON.stringify([bid?.numbers ?? [], bid?.most || 1]);
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const path = { bidRoundId: round.bidRoundId ?? "" };
      const body = { bid: { numbers: [...numbers], most } };
      await ask(api.PUT("/v1/mySchedule/bids/{bidRoundId}", { params: { path }, body }));
      await readAgain();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p className={classes.quiet}>{t("mine.rankHint")}</p>
      <ol className={classes.wishes} data-testid="wishes">
        {numbers.map((number, at) => (
          <li key={number} className={classes.wish}>
            <ShiftWords shift={shiftOf(round, number)} zone={zone} />
            <span className={classes.row}>
              <IconAction
                icon={IconArrowUp}
                label={t("mine.up")}
                disabled={at === 0}
                onClick={() => move(at, -1)}
              />
              <IconAction
                icon={IconArrowDown}
                label={t("mine.down")}
                disabled={at === numbers.length - 1}
                onClick={() => move(at, 1)}
              />
              <IconAction
                icon={IconX}
                label={t("common.remove")}
                onClick={() => setNumbers(numbers.filter((each) => each !== number))}
              />
            </span>
          </li>
        ))}
      </ol>
      {rest.length > 0 && (
        <ul className={classes.wishes}>
          {rest.map((each) => (
            <li key={each.number} className={classes.wish}>
              <ShiftWords shift={each} zone={zone} />
              <Button
                size="compact-sm"
                variant="default"
                leftSection={<IconPlus size={14} aria-hidden />}
                onClick={() => setNumbers([...numbers, each.number ?? 0])}
                data-testid={`want-${each.number}`}
              >
                {t("mine.want")}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <div className={classes.row} style={{ alignItems: "flex-end" }}>
        <NumberInput
          label={t("mine.most")}
          min={1}
          max={MOST}
          w={150}
          value={most}
          onChange={(next) => setMost(Number(next) || 1)}
        />
        <Button disabled={same} loading={busy} onClick={() => void save()} data-testid="bid-save">
          {t("mine.bid")}
        </Button>
      </div>
      <ProblemNote problem={problem} />
    </>
  );
}
