import { Button } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { LeftOutUsage } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { Cost, Days } from "../../admin/billing/parts.tsx";
import watch from "../../watch/watch.module.css";
import operator from "../operator.module.css";

/** Usage that came late and that no invoice could hold: never silently lost, billed beside its period's invoice. */
export function LeftOut() {
  const t = useText();
  const [asked, setAsked] = useState<LeftOutUsage>();
  const { query, rows } = usePages<LeftOutUsage>(["leftOutUsage"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/operator/leftOutUsage", { params: { query: { pageToken } } }));
    return { rows: answer.usage ?? [], next: answer.nextPageToken ?? "" };
  });
  if (rows.length === 0 && !query.isError) return null;
  return (
    <section aria-label={t("leftOut.title")} style={{ marginBlockEnd: 20 }} data-testid="left-out">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("leftOut.title")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("leftOut.cause")}
      </p>
      <PagedPanel query={query} rows={rows} empty={null}>
        {(shown) => (
          <DataTable
            label={t("leftOut.title")}
            rows={shown}
            keyOf={(row) => row.invoiceId ?? ""}
            testId={(row) => `left-out-${row.invoiceId}`}
            columns={[
              { head: t("invoice.number"), cell: (row) => <bdi>{row.number}</bdi> },
              {
                head: t("operator.company"),
                cell: (row) => <span className={`${operator.small} m-ltr`}>{row.tenantId}</span>,
              },
              {
                head: t("invoice.period"),
                cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
              },
              { head: t("billing.amount"), cell: (row) => <Cost money={row.amount} /> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => setAsked(row)}
                    aria-label={`${t("leftOut.bill")}: ${row.number}`}
                    data-testid={`left-out-${row.invoiceId}-bill`}
                  >
                    {t("leftOut.bill")}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {asked && <Bill usage={asked} onClose={() => setAsked(undefined)} />}
    </section>
  );
}

function Bill({ usage, onClose }: { usage: LeftOutUsage; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("operatorInvoices", "leftOutUsage", "audit");
  const [requestId] = useState(newRequestId);
  const bill = async () => {
    const path = { tenantId: usage.tenantId ?? "", invoiceId: usage.invoiceId ?? "" };
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:billLeftOut";
    await ask(api.POST(address, { params: { path }, body: { requestId } }));
    toast(t("operator.done"));
    await refresh();
  };
  return (
    <Confirm
      opened
      title={t("leftOut.bill")}
      body={t("leftOut.billBody")}
      confirm={t("leftOut.bill")}
      onConfirm={bill}
      onClose={onClose}
    />
  );
}
