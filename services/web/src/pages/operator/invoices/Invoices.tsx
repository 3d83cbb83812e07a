import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFileInvoice } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Invoice, InvoiceState } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { PageHeader } from "../../../ui/Page.tsx";
import { Cost, Days, INVOICE_STATES, numberOf, StateTag } from "../../admin/billing/parts.tsx";
import watch from "../../watch/watch.module.css";
import operator from "../operator.module.css";
import { InvoiceDialog } from "./InvoiceDialog.tsx";
import { LeftOut } from "./LeftOut.tsx";

/** The invoices of all companies, newest first. */
export function Invoices() {
  const t = useText();
  const [typed, setTyped] = useState("");
  const [number] = useDebouncedValue(typed.trim(), 300);
  const [state, setState] = useState<InvoiceState>();
  const [opened, setOpened] = useState<Invoice>();
  const { query, rows } = usePages<Invoice>(["operatorInvoices", number, state], async (pageToken) => {
    const params = { query: { pageToken, number: number || undefined, state } };
    const answer = await ask(api.GET("/v1/operator/invoices", { params }));
    return { rows: answer.invoices ?? [], next: answer.nextPageToken ?? "" };
  });
  return (
    <>
      <PageHeader title={t("operator.invoices")} subtitle={t("operator.invoicesLead")} />
      <LeftOut />
      <div className={operator.filters}>
        <TextInput
          label={t("operator.invoiceNumber")}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          style={{ flex: 1, minWidth: 200, maxWidth: 320 }}
          data-testid="invoices-number"
        />
        <Select
          label={t("invoice.state")}
          placeholder={t("operator.allInvoiceStates")}
          clearable
          clearButtonProps={{ "aria-label": t("operator.allInvoiceStates") }}
          data={INVOICE_STATES.map((value) => ({ value, label: textOr("invoice.state", value) }))}
          value={state ?? null}
          onChange={(next) => setState((next as InvoiceState | null) ?? undefined)}
          data-testid="invoices-state"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconFileInvoice} title={t("operator.noInvoices")}>
            {t("operator.noInvoicesBody")}
          </EmptyState>
        }
      >
        {(shown) => <InvoiceTable rows={shown} onOpen={setOpened} />}
      </PagedPanel>
      {opened && <InvoiceDialog invoice={opened} onClose={() => setOpened(undefined)} />}
    </>
  );
}

function InvoiceTable({ rows, onOpen }: { rows: readonly Invoice[]; onOpen: (invoice: Invoice) => void }) {
  const t = useText();
  const language = useLanguage();
  return (
    <DataTable
      label={t("operator.invoices")}
      rows={rows}
      keyOf={(row) => row.invoiceId ?? ""}
      testId={(row) => `invoice-${row.invoiceId}`}
      columns={[
        {
          head: t("invoice.number"),
          cell: (row) => (
            <>
              <bdi>{numberOf(row)}</bdi>
              {row.resale && <div className={watch.faint}>{t("invoice.resale")}</div>}
              {row.inAdvance && <div className={watch.faint}>{t("invoice.onlyAdvance")}</div>}
            </>
          ),
        },
        {
          head: t("operator.company"),
          cell: (row) => (
            <>
              <bdi>{row.buyer?.legalName || "–"}</bdi>
              <div className={`${operator.small} m-ltr`} style={{ overflowWrap: "anywhere" }}>
                {row.tenantId}
              </div>
            </>
          ),
        },
        {
          head: t("invoice.period"),
          cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
        },
        { head: t("invoice.state"), cell: (row) => <StateTag state={row.state} /> },
        { head: t("invoice.due"), cell: (row) => (row.dueTime ? formatDate(row.dueTime, language) : "–") },
        { head: t("invoice.total"), cell: (row) => <Cost money={row.total} /> },
        { head: t("invoice.owed"), cell: (row) => <Cost money={row.owed} /> },
        {
          head: t("common.actions"),
          quiet: true,
          cell: (row) => (
            <Button
              size="xs"
              variant="default"
              onClick={() => onOpen(row)}
              aria-label={`${t("operator.open")}: ${numberOf(row)}`}
              data-testid={`invoice-${row.invoiceId}-open`}
            >
              {t("operator.open")}
            </Button>
          ),
        },
      ]}
    />
  );
}
