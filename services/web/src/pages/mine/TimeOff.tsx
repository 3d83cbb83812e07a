import { Button } from "@mantine/core";
import { IconBeach, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { TimeOffBalance, TimeOffKind, TimeOffRequest } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { isolated } from "../../format/isolated.ts";
import { formatNumber } from "../../format/numbers.ts";
import { clockOf } from "../../format/weeks.ts";
import { type Text, textOr, useLanguage, useText } from "../../i18n/index.ts";
import type { Language } from "../../i18n/languages.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading, PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { noonOf, ZONELESS } from "../planning/days.ts";
import { AskForm } from "./AskForm.tsx";
import classes from "./mine.module.css";
import { MINE, useBalances, useKinds, useReadAgain } from "./useMine.ts";

const TONES: Record<string, Tone> = {
  PENDING: "warn",
  APPROVED: "good",
  REFUSED: "bad",
  WITHDRAWN: "neutral",
};

export function stateOf(request: TimeOffRequest): string {
  return (request.state ?? "TIME_OFF_REQUEST_STATE_PENDING").replace("TIME_OFF_REQUEST_STATE_", "");
}

/** "9 Mar 2026 – 13 Mar 2026", with the hours of a part of a day. */
export function daysOf(request: TimeOffRequest, language: Language): string {
  const [first, last] = [request.firstDay, request.lastDay].map((each) =>
    formatDate(noonOf(each), language, ZONELESS),
  );
  if (request.endMinute) {
    return `${first}, ${isolated(`${clockOf(request.startMinute ?? 0)}–${clockOf(request.endMinute)}`)}`;
  }
  return first === last ? (first ?? "") : `${first} – ${last}`;
}

export function amount(
  t: Text,
  kind: TimeOffKind | undefined,
  value: number | undefined,
  language: Language,
): string {
  const count = formatNumber(value ?? 0, language);
  return t(kind?.unit === "TIME_OFF_UNIT_HOURS" ? "mine.amountHours" : "mine.amountDays", { count });
}

/** Balances, requests, and asking for more. */
export function TimeOff() {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const kinds = useKinds();
  const balances = useBalances();
  const [asking, setAsking] = useState(false);
  const [leaving, setLeaving] = useState<TimeOffRequest>();
  const { query, rows } = usePages<TimeOffRequest>([MINE, "requests"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/mySchedule/timeOffRequests", { params: { query: { pageToken } } }));
    return { rows: answer.timeOffRequests ?? [], next: answer.nextPageToken ?? "" };
  });
  const unplanned = balances.error && asProblem(balances.error).reason === "PLANNED_AGENT_NOT_FOUND";
  if (kinds.isPending || balances.isPending) return <Loading />;
  if (unplanned) {
    return (
      <Panel>
        <EmptyState icon={IconBeach} title={t("mine.notPlanned")}>
          {t("mine.notPlannedBody")}
        </EmptyState>
      </Panel>
    );
  }
  const kindOf = (row: { timeOffKindId?: string }) =>
    kinds.data?.find((each) => each.timeOffKindId === row.timeOffKindId);
  const open = (kinds.data ?? []).filter((each) => !each.archived);
  return (
    <div className={classes.stack}>
      <ProblemNote problem={kinds.error ?? balances.error} onRetry={() => void readAgain()} />
      <div className={classes.balances} data-testid="balances">
        {(balances.data ?? [])
          .filter((each) => kindOf(each)?.limited || (each.entitled ?? 0) > 0)
          .map((each) => (
            <BalanceCard key={each.timeOffKindId} balance={each} kind={kindOf(each)} />
          ))}
      </div>
      <div className={classes.head}>
        <h2>{t("mine.requests")}</h2>
        {open.length > 0 && (
          <Button
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => setAsking(true)}
            data-testid="ask"
          >
            {t("mine.ask")}
          </Button>
        )}
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconBeach} title={t("mine.noRequests")}>
            {t(open.length > 0 ? "mine.noRequestsBody" : "mine.noKinds")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable<TimeOffRequest>
            label={t("mine.requests")}
            rows={shown}
            keyOf={(row) => row.timeOffRequestId ?? ""}
            testId={(row) => `request-${row.firstDay}`}
            columns={[
              { head: t("mine.days"), cell: (row) => daysOf(row, language) },
              { head: t("mine.kind"), cell: (row) => <bdi>{kindOf(row)?.displayName ?? "–"}</bdi> },
              { head: t("mine.amount"), cell: (row) => amount(t, kindOf(row), row.amount, language) },
              { head: t("mine.state"), cell: (row) => <State request={row} /> },
              {
                head: t("mine.withdraw"),
                quiet: true,
                cell: (row) =>
                  mayWithdraw(row) && (
                    <Button
                      size="compact-sm"
                      variant="default"
                      onClick={() => setLeaving(row)}
                      aria-label={`${t("mine.withdraw")}: ${daysOf(row, language)}`}
                    >
                      {t("mine.withdraw")}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {asking && <AskForm kinds={open} onClose={() => setAsking(false)} />}
      <Confirm
        opened={leaving !== undefined}
        title={t("mine.withdraw")}
        body={t(leaving && stateOf(leaving) === "APPROVED" ? "mine.withdrawApproved" : "mine.withdrawBody")}
        confirm={t("mine.withdraw")}
        onConfirm={async () => {
          const path = { timeOffRequestId: leaving?.timeOffRequestId ?? "" };
          await ask(
            api.POST("/v1/mySchedule/timeOffRequests/{timeOffRequestId}:withdraw", {
              params: { path },
              body: {},
            }),
          );
          await readAgain();
        }}
        onClose={() => setLeaving(undefined)}
      />
    </div>
  );
}

function mayWithdraw(row: TimeOffRequest): boolean {
  const state = stateOf(row);
  return state === "PENDING" || (state === "APPROVED" && Date.parse(row.startTime ?? "") > Date.now());
}

function State({ request }: { request: TimeOffRequest }) {
  const t = useText();
  const state = stateOf(request);
  const reason = request.decisionReason;
  return (
    <>
      <Tag tone={TONES[state] ?? "neutral"}>{textOr("timeOffState", state)}</Tag>
      {state === "PENDING" && <Obstacles request={request} />}
      {reason && (
        <p className={classes.quiet}>
          <bdi>{reason}</bdi>
        </p>
      )}
      {state === "APPROVED" && !request.decidedBy && <p className={classes.quiet}>{t("mine.byItself")}</p>}
    </>
  );
}

/** Why it isn't approved at once, each reason once with its days. */
export function Obstacles({ request }: { request: TimeOffRequest }) {
  const language = useLanguage();
  const codes = [...new Set((request.obstacles ?? []).map((each) => each.code ?? ""))];
  return (
    <ul className={classes.plain}>
      {codes.map((code) => {
        const of = (request.obstacles ?? []).filter((each) => each.code === code);
        const days = [...new Set(of.map((each) => each.day ?? ""))].filter(Boolean);
        const first = of[0];
        return (
          <li key={code} className={classes.quiet} data-testid={`obstacle-${code}`}>
            {textOr("obstacle", code, { allowed: first?.allowed ?? 0, found: first?.found ?? 0 })}
            {days.length > 0 &&
              ` ${days.map((day) => formatDate(noonOf(day), language, ZONELESS)).join(" · ")}`}
          </li>
        );
      })}
    </ul>
  );
}

function BalanceCard({ balance, kind }: { balance: TimeOffBalance; kind: TimeOffKind | undefined }) {
  const t = useText();
  const language = useLanguage();
  const rows = ["accrued", "carriedOver", "asked", "approved", "used"] as const;
  return (
    <section
      className={classes.balance}
      aria-label={kind?.displayName ?? ""}
      data-testid={`balance-${kind?.displayName}`}
    >
      <span className={classes.quiet}>
        <bdi>{kind?.displayName}</bdi>
      </span>
      <strong>{t("mine.left", { amount: amount(t, kind, balance.left, language) })}</strong>
      <dl>
        <dt>{t("mine.entitled")}</dt>
        <dd>{formatNumber(balance.entitled ?? 0, language)}</dd>
        {rows.map((each) => (
          <Figure key={each} label={t(`mine.${each}`)} value={formatNumber(balance[each] ?? 0, language)} />
        ))}
      </dl>
    </section>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}
