import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { ResoldStatement } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, Days } from "../billing/parts.tsx";
import { usePriceLists } from "./PriceLists.tsx";

/** The companies a reseller has, with its margin; nothing for who resells nobody. */
export function Companies() {
  const t = useText();
  const refresh = useRefresh("resaleStatements");
  const [problem, setProblem] = useState<unknown>();
  const lists = usePriceLists().data?.priceLists ?? [];
  const { data, error, refetch } = useQuery({
    queryKey: ["resaleStatements"],
    queryFn: () => ask(api.GET("/v1/resaleStatements")),
  });
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  const rows = data?.statements ?? [];
  if (rows.length === 0) return null;
  const set = async (row: ResoldStatement, priceListId: string) => {
    setProblem(undefined);
    const price = { tenantId: row.tenantId, priceListId };
    try {
      await ask(api.POST("/v1/resalePrices:set", { body: { price, version: row.priceVersion } }));
      toast(t("common.saved"));
    } catch (error) {
      setProblem(error);
    } finally {
      await refresh();
    }
  };
  return (
    <section aria-label={t("resale.title")} data-testid="resale">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("resale.title")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("resale.lead")}
      </p>
      <ProblemNote problem={problem} />
      <Panel flush>
        <DataTable
          label={t("resale.title")}
          rows={rows}
          keyOf={(row) => row.tenantId ?? ""}
          columns={[
            { head: t("resale.company"), cell: (row) => <bdi>{row.tenantId}</bdi> },
            {
              head: t("invoice.period"),
              cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
            },
            { head: t("clients.cost"), cell: (row) => <Cost money={row.cost} /> },
            {
              head: t("resale.pays"),
              cell: (row) =>
                row.price ? (
                  <Cost money={row.price} />
                ) : (
                  <span className={watch.faint}>{t("clients.notPriced")}</span>
                ),
            },
            {
              head: t("resale.setPrice"),
              cell: (row) => (
                <Select
                  aria-label={`${t("resale.setPrice")}: ${row.tenantId}`}
                  size="xs"
                  placeholder={t("resale.setPrice")}
                  data={lists.map((each) => ({ value: each.priceListId ?? "", label: each.name ?? "" }))}
                  value={null}
                  onChange={(id) => id && void set(row, id)}
                />
              ),
            },
          ]}
        />
      </Panel>
    </section>
  );
}
