import type { ForecastBacktest } from "../../api/types.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import classes from "./planning.module.css";

type Row = NonNullable<ForecastBacktest["methods"]>[number];

/** The tournament of methods: what each would have been off by, week by week ahead. */
export function Backtest({ backtest, method }: { backtest: ForecastBacktest; method: string }) {
  const t = useText();
  const language = useLanguage();
  const percent = (share: number | undefined) =>
    share === undefined || share < 0 ? "–" : formatShare(share, language, 1);
  return (
    <Panel label={t("planning.backtest")} testId="backtest">
      <h2 className={classes.title}>{t("planning.backtest")}</h2>
      <p className={classes.lead}>
        {t("planning.backtestLead", { count: formatNumber(backtest.origins?.length ?? 0, language) })}{" "}
        {backtest.coverage !== undefined &&
          t("planning.coverage", { share: formatShare(backtest.coverage ?? 0, language) })}
      </p>
      <DataTable<Row>
        label={t("planning.backtest")}
        rows={backtest.methods ?? []}
        keyOf={(row) => row.method ?? ""}
        testId={(row) => `backtest-${row.method}`}
        columns={[
          {
            head: t("planning.method"),
            cell: (row) => (
              <>
                {textOr("planningMethod", row.method ?? "")}{" "}
                {row.method === method && <Tag tone="good">{t("planning.taken")}</Tag>}
              </>
            ),
          },
          { head: t("planning.overall"), cell: (row) => percent(row.error) },
          ...[0, 1, 2, 3].map((week) => ({
            head: t("planning.weekAhead", { number: formatNumber(week + 1, language) }),
            cell: (row: Row) => percent(row.errorByWeek?.[week]),
          })),
        ]}
      />
    </Panel>
  );
}
