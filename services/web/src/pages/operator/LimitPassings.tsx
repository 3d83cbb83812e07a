import { api, ask } from "../../api/client.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { limitWords } from "../admin/plan/Given.tsx";
import watch from "../watch/watch.module.css";

/** Companies that went past a soft limit, the last one first; nothing while there are none. */
export function LimitPassings() {
  const t = useText();
  const language = useLanguage();
  const { query, rows } = usePages(["limitPassings"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/operator/limitPassings", { params: { query: { pageToken } } }));
    return { rows: answer.passings ?? [], next: answer.nextPageToken ?? "" };
  });
  if (rows.length === 0 && !query.isError) return null;
  const number = (value: string | undefined) => formatNumber(value ?? "0", language);
  return (
    <section aria-label={t("passings.title")} style={{ marginBottom: 24 }} data-testid="limit-passings">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("passings.title")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("passings.lead")}
      </p>
      <PagedPanel query={query} rows={rows} empty={null}>
        {(shown) => (
          <DataTable
            label={t("passings.title")}
            rows={shown}
            keyOf={(row) => `${row.tenantId}/${row.limit}`}
            columns={[
              { head: t("passings.company"), cell: (row) => <bdi>{row.tenantName}</bdi> },
              { head: t("passings.limit"), cell: (row) => limitWords(row.limit ?? "", t) },
              {
                head: t("passings.used"),
                cell: (row) => (
                  <span className="m-figures">
                    {t("standing.used", { used: number(row.used), allowed: number(row.allowed) })}
                  </span>
                ),
              },
              { head: t("passings.times"), cell: (row) => number(row.count) },
              { head: t("passings.last"), cell: (row) => <DateTime value={row.passTime} /> },
            ]}
          />
        )}
      </PagedPanel>
    </section>
  );
}
