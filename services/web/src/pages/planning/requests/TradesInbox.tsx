import { SegmentedControl } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { ShiftTrade, WorkShift } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "../../mine/mine.module.css";
import { span } from "../../mine/shifts.ts";
import { TRADE_TONES, tradeState } from "../../mine/Trades.tsx";
import { noonOf, ZONELESS } from "../days.ts";
import { SiteZone } from "../SiteZone.tsx";
import { useClocks } from "../useClocks.ts";
import { Decide } from "./Decide.tsx";
import { useZone } from "./useZone.ts";

/** Trades that wait for a manager, or all. */
export function TradesInbox({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const company = useZone();
  const zoneOf = useClocks(company);
  const refresh = useRefresh("requests", "mine");
  const [which, setWhich] = useState("waiting");
  const state = which === "waiting" ? ("SHIFT_TRADE_STATE_ACCEPTED" as const) : undefined;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["requests", "trades", which],
    queryFn: async () =>
      (await ask(api.GET("/v1/wfm/trades", { params: { query: { state } } }))).shiftTrades ?? [],
  });
  const when = (shift: WorkShift | undefined, userId: string | undefined) => (
    <p className={classes.quiet}>
      {formatDate(noonOf(shift?.day), language, ZONELESS)}, {span(shift ?? {}, language, zoneOf(userId))}
      <SiteZone zone={zoneOf(userId)} company={company} at={shift?.startTime} />
    </p>
  );
  const decide = async (row: ShiftTrade, approve: boolean, reason: string) => {
    const path = { shiftTradeId: row.shiftTradeId ?? "" };
    const body = { version: row.version ?? "0", approve, reason };
    await ask(api.POST("/v1/wfm/trades/{shiftTradeId}:decide", { params: { path }, body }));
    await refresh();
  };
  if (isPending) return <Loading />;
  const rows = data ?? [];
  return (
    <div className={classes.stack}>
      <div>
        <SegmentedControl
          value={which}
          onChange={setWhich}
          data={(["waiting", "all"] as const).map((each) => ({ value: each, label: t(`requests.${each}`) }))}
        />
      </div>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {rows.length === 0 ? (
        <Panel>
          <EmptyState icon={IconArrowsExchange} title={t("requests.noTrades")}>
            {t("requests.noTradesBody")}
          </EmptyState>
        </Panel>
      ) : (
        <Panel flush label={t("requests.tab.trades")}>
          <DataTable<ShiftTrade>
            label={t("requests.tab.trades")}
            rows={rows}
            keyOf={(row) => row.shiftTradeId ?? ""}
            testId={(row) => `trades-${row.day}`}
            columns={[
              {
                head: t("requests.gives"),
                cell: (row) => (
                  <>
                    <bdi>{names.user(row.userId)}</bdi>
                    {when(row.shift, row.userId)}
                  </>
                ),
              },
              {
                head: t("requests.takes"),
                cell: (row) => (
                  <>
                    <bdi>{names.user(row.colleagueId)}</bdi>
                    {row.colleagueShift && when(row.colleagueShift, row.colleagueId)}
                  </>
                ),
              },
              {
                head: t("mine.state"),
                cell: (row) => (
                  <>
                    <Tag tone={TRADE_TONES[tradeState(row)] ?? "neutral"}>
                      {textOr("tradeState", tradeState(row))}
                    </Tag>
                    {tradeState(row) === "ACCEPTED" && (
                      <ul className={classes.plain}>
                        {(row.concerns ?? []).map((each) => (
                          <li key={each} className={classes.quiet}>
                            {textOr("workRule", each)}
                          </li>
                        ))}
                      </ul>
                    )}
                  </>
                ),
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) =>
                  mayChange &&
                  tradeState(row) === "ACCEPTED" && (
                    <Decide
                      what={`${names.user(row.userId)} – ${names.user(row.colleagueId)}`}
                      testId={`trades-${row.day}`}
                      decide={(approve, reason) => decide(row, approve, reason)}
                    />
                  ),
              },
            ]}
          />
        </Panel>
      )}
    </div>
  );
}
