import { Button, NumberInput, Select, Text } from "@mantine/core";
import { IconGavel, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { Bid, BidRound } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { AddLine, RemoveLine } from "../../../ui/RowActions.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { ROUND_TONES, roundState, ShiftWords } from "../../mine/Bids.tsx";
import classes from "../../mine/mine.module.css";
import { mondayOf } from "../../mine/shifts.ts";
import { useRounds } from "../../mine/useMine.ts";
import { instantOf } from "../days.ts";
import { useZone } from "./useZone.ts";

const ORDERS = ["SENIORITY", "ROTATION", "PERFORMANCE"] as const;
const MINUTE_MS = 60_000;

/** Open shifts put up, and rounds awarded. */
export function BidRounds({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const { data, error, isPending, refetch } = useRounds();
  const [adding, setAdding] = useState(false);
  if (isPending) return <Loading />;
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setAdding(true)}
      data-testid="round-add"
    >
      {t("requests.roundAdd")}
    </Button>
  );
  const rows = data ?? [];
  return (
    <div className={classes.stack}>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {rows.length === 0 ? (
        <Panel>
          <EmptyState icon={IconGavel} title={t("requests.noRounds")} action={add}>
            {t("requests.noRoundsBody")}
          </EmptyState>
        </Panel>
      ) : (
        <>
          <div>{add}</div>
          {rows.map((each) => (
            <Round key={each.bidRoundId} round={each} mayChange={mayChange} />
          ))}
        </>
      )}
      {adding && <RoundForm onClose={() => setAdding(false)} />}
    </div>
  );
}

function Round({ round, mayChange }: { round: BidRound; mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const zone = useZone();
  const refresh = useRefresh("mine", "requests");
  const [cancelling, setCancelling] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const path = { bidRoundId: round.bidRoundId ?? "" };
  const state = roundState(round);
  const { data } = useQuery({
    queryKey: ["requests", "round", round.bidRoundId, round.version, round.bidCount],
    queryFn: () => ask(api.GET("/v1/wfm/bidRounds/{bidRoundId}", { params: { path } })),
  });
  const award = async () => {
    await ask(api.POST("/v1/wfm/bidRounds/{bidRoundId}:award", { params: { path }, body: {} })).then(
      () => setProblem(undefined),
      setProblem,
    );
    await refresh();
  };
  const wishes = (bid: Bid) =>
    (bid.numbers ?? [])
      .map((number) => {
        const outcome = bid.outcomes?.find((each) => each.number === number)?.outcome;
        return `${formatNumber(number, language)}${outcome ? ` (${textOr("bidOutcome", outcome)})` : ""}`;
      })
      .join(", ");
  return (
    <Panel label={round.displayName ?? ""} testId={`round-${round.displayName}`}>
      <div className={classes.stack} style={{ gap: 10 }}>
        <div className={classes.head}>
          <div className={classes.row}>
            <h2>
              <bdi>{round.displayName}</bdi>
            </h2>
            <Tag tone={ROUND_TONES[state] ?? "neutral"}>{textOr("roundState", state)}</Tag>
          </div>
          {mayChange && (
            <div className={classes.row}>
              {state === "ENDED" && (
                <Button size="compact-md" onClick={() => void award()} data-testid="round-award">
                  {t("requests.award")}
                </Button>
              )}
              {(state === "OPEN" || state === "ENDED") && (
                <Button size="compact-md" variant="default" onClick={() => setCancelling(true)}>
                  {t("requests.roundCancel")}
                </Button>
              )}
            </div>
          )}
        </div>
        <p className={classes.quiet}>
          {t("mine.bidUntil")} <DateTime value={round.endTime} /> ·{" "}
          {textOr("bidOrder", (round.order ?? "").replace("BID_ORDER_", ""))} ·{" "}
          {t("requests.bidCount", { count: round.bidCount ?? 0 })}
        </p>
        <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
        <ul className={classes.wishes}>
          {(round.openShifts ?? []).map((each) => (
            <li key={each.number} className={classes.wish}>
              <span>
                {formatNumber(each.number ?? 0, language)}. <ShiftWords shift={each} zone={zone} />
              </span>
              <bdi className={classes.quiet}>{(each.winnerIds ?? []).map(names.user).join(" · ")}</bdi>
            </li>
          ))}
        </ul>
        {(data?.bids ?? []).length > 0 && (
          <DataTable<Bid>
            label={t("requests.bids")}
            rows={data?.bids ?? []}
            keyOf={(row) => row.userId ?? ""}
            columns={[
              {
                head: t("requests.place"),
                cell: (row) => (row.place ? formatNumber(row.place, language) : "–"),
              },
              { head: t("requests.who"), cell: (row) => <bdi>{names.user(row.userId)}</bdi> },
              { head: t("requests.standing"), cell: (row) => <bdi>{row.standing || "–"}</bdi> },
              { head: t("requests.wishes"), cell: wishes },
            ]}
          />
        )}
      </div>
      <Confirm
        opened={cancelling}
        title={t("requests.roundCancel")}
        body={t("requests.roundCancelBody")}
        confirm={t("requests.roundCancel")}
        onConfirm={async () => {
          await ask(api.POST("/v1/wfm/bidRounds/{bidRoundId}:cancel", { params: { path }, body: {} }));
          await refresh();
        }}
        onClose={() => setCancelling(false)}
      />
    </Panel>
  );
}

interface Line {
  key: number;
  day: string;
  from: string;
  hours: number;
  lunch: number;
  places: number;
}

function RoundForm({ onClose }: { onClose: () => void }) {
  const t = useText();
  const zone = useZone();
  const refresh = useRefresh("mine", "requests");
  const [requestId] = useState(newRequestId);
  const [name, setName] = useState("");
  const [order, setOrder] = useState<string>("SENIORITY");
  const [end, setEnd] = useState("");
  const [lines, setLines] = useState<readonly Line[]>([
    { key: 1, day: "", from: "08:00", hours: 8, lunch: 30, places: 1 },
  ]);
  const change = (key: number, next: Partial<Line>) =>
    setLines((before) => before.map((each) => (each.key === key ? { ...each, ...next } : each)));
  const save = async () => {
    const openShifts = lines.map((each) => shiftOf(each, zone));
    const bidRound = {
      displayName: name,
      firstDay: mondayOf(lines[0]?.day ?? ""),
      endTime: instantOf(end, zone).toISOString(),
      order: `BID_ORDER_${order}` as NonNullable<BidRound["order"]>,
      openShifts,
    };
    await ask(api.POST("/v1/wfm/bidRounds", { body: { requestId, bidRound } }));
    await refresh();
  };
  return (
    <FormModal title={t("requests.roundAdd")} onClose={onClose} onSave={save} size="lg" testId="round">
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="round-name"
      />
      <div className={classes.pair}>
        <TextField
          type="datetime-local"
          required
          label={t("requests.roundEnd")}
          description={t("mine.zone", { zone })}
          value={end}
          onChange={(event) => setEnd(event.currentTarget.value)}
          data-testid="round-end"
        />
        <Select
          label={t("requests.order")}
          allowDeselect={false}
          data={ORDERS.map((each) => ({ value: each, label: t(`bidOrder.${each}`) }))}
          value={order}
          onChange={(next) => next && setOrder(next)}
        />
      </div>
      {lines.map((each) => (
        <fieldset key={each.key} style={{ border: 0, padding: 0, margin: 0 }}>
          <Text component="legend" fw={600}>
            {t("requests.openShift")}
          </Text>
          <div className={classes.pair}>
            <TextField
              type="date"
              required
              label={t("mine.day")}
              value={each.day}
              onChange={(event) => change(each.key, { day: event.currentTarget.value })}
              data-testid="round-day"
            />
            <TextField
              type="time"
              required
              label={t("mine.fromTime")}
              value={each.from}
              onChange={(event) => change(each.key, { from: event.currentTarget.value })}
            />
            <NumberInput
              label={t("requests.lineHours")}
              min={1}
              max={16}
              step={0.5}
              value={each.hours}
              onChange={(next) => change(each.key, { hours: Number(next) || 1 })}
            />
            <NumberInput
              label={t("requests.lunch")}
              min={0}
              max={240}
              step={15}
              value={each.lunch}
              onChange={(next) => change(each.key, { lunch: Number(next) || 0 })}
            />
            <NumberInput
              label={t("requests.places")}
              min={1}
              max={100}
              value={each.places}
              onChange={(next) => change(each.key, { places: Number(next) || 1 })}
            />
            {lines.length > 1 && (
              <RemoveLine size="lg" onClick={() => setLines(lines.filter((one) => one !== each))} />
            )}
          </div>
        </fieldset>
      ))}
      <AddLine
        label={t("requests.openShiftAdd")}
        onClick={() => setLines([...lines, { ...(lines.at(-1) as Line), key: Date.now() }])}
      />
    </FormModal>
  );
}

/** A line as a shift; its lunch lies in the middle, on a quarter of an hour. */
function shiftOf(line: Line, zone: string) {
  const start = instantOf(`${line.day}T${line.from}`, zone).getTime();
  const length = line.hours * 60 + line.lunch;
  const middle = Math.round((length - line.lunch) / 2 / 15) * 15;
  const at = (minutes: number) => new Date(start + minutes * MINUTE_MS).toISOString();
  const breaks = line.lunch ? [{ startTime: at(middle), endTime: at(middle + line.lunch), paid: false }] : [];
  return { day: line.day, startTime: at(0), endTime: at(length), breaks, places: line.places };
}
