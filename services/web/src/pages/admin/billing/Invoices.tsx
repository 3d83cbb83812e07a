import { Anchor } from "@mantine/core";
import { IconFileInvoice } from "@tabler/icons-react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import type { Invoice } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { useRefreshOn } from "../../watch/useRefreshOn.ts";
import watch from "../../watch/watch.module.css";
import { Cost, Days, DownloadMenu, documentPath, numberOf, StateTag } from "./parts.tsx";

/** The company's invoices, newest month first. */
export function Invoices() {
  const t = useText();
  const language = useLanguage();
  const { query, rows } = usePages<Invoice>(["invoices"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/invoices", { params: { query: { pageToken, pageSize: 12 } } }));
    return { rows: answer.invoices ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["invoices"], "InvoiceFinalized", "InvoicePaid", "InvoiceOverdue", "InvoiceVoided");
  return (
    <section aria-label={t("billing.invoices")} data-testid="invoices">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("billing.invoices")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("billing.invoicesHint")}
      </p>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconFileInvoice} title={t("billing.noInvoices")}>
            {t("billing.noInvoicesBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("billing.invoices")}
            rows={shown}
            keyOf={(row) => row.invoiceId ?? ""}
            testId={(row) => `invoice-${row.invoiceId}`}
            columns={[
              {
                head: t("invoice.number"),
                cell: (row) => (
                  <>
                    <Anchor component={Link} href={`/admin/billing/${row.invoiceId}`}>
                      <bdi>{numberOf(row)}</bdi>
                    </Anchor>
                    {row.resale && <div className={watch.faint}>{t("invoice.resale")}</div>}
                    {row.inAdvance && <div className={watch.faint}>{t("invoice.onlyAdvance")}</div>}
                  </>
                ),
              },
              {
                head: t("invoice.period"),
                cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
              },
              { head: t("invoice.state"), cell: (row) => <StateTag state={row.state} /> },
              {
                head: t("invoice.due"),
                cell: (row) => (row.dueTime ? formatDate(row.dueTime, language) : "–"),
              },
              { head: t("invoice.total"), cell: (row) => <Cost money={row.total} /> },
              { head: t("invoice.owed"), cell: (row) => <Cost money={row.owed} /> },
              {
                head: t("invoice.download"),
                quiet: true,
                cell: (row) =>
                  row.number ? <DownloadMenu compact path={documentPath(row)} number={row.number} /> : null,
              },
            ]}
          />
        )}
      </PagedPanel>
    </section>
  );
}
