import { Table } from "@mantine/core";
import { IconReceipt } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import type { InvoicePreview, Money, UsageRecord } from "../../api/types.ts";
import { formatDate, formatMonth } from "../../format/dates.ts";
import { formatMoney, formatNumber, roundDecimal } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading, PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel, TableWrap } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { useRefreshOn } from "../watch/useRefreshOn.ts";
import watch from "../watch/watch.module.css";
import { PlanPanel } from "./PlanPanel.tsx";

/** What this period costs so far, from which usage, under which plan. Every figure is the server's own decimal. */
export default function BillingPage() {
  const t = useText();
  return (
    <>
      <PageHeader title={t("nav.billing")} subtitle={t("billing.lead")} />
      <div className={watch.stack}>
        <Preview />
        <UsageSums />
        <UsageRecords />
        <PlanPanel />
      </div>
    </>
  );
}

export function Amount({ money }: { money: Money | undefined }) {
  const language = useLanguage();
  if (!money?.amount) return <>–</>;
  return <span className="m-figures">{formatMoney(money.amount, money.currency ?? "", language)}</span>;
}

function Preview() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["invoicePreview"],
    queryFn: () => ask(api.GET("/v1/invoices:preview")),
  });
  useRefreshOn(["invoicePreview"], "UsageRated");
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <Panel flush label={t("billing.preview")} testId="invoice-preview">
      <PreviewHead preview={data} />
      <TableWrap label={t("billing.preview")}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("billing.line")}</Table.Th>
              <Table.Th>{t("billing.quantity")}</Table.Th>
              <Table.Th>{t("billing.included")}</Table.Th>
              <Table.Th>{t("billing.unitPrice")}</Table.Th>
              <Table.Th>{t("billing.amount")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(data.lines ?? []).map((line) => (
              <PreviewLine key={`${line.meter}${line.descriptionKey}${line.startTime}`} line={line} />
            ))}
          </Table.Tbody>
          <Table.Tfoot>
            <Table.Tr>
              <Table.Th colSpan={4}>{t("billing.total")}</Table.Th>
              <Table.Th style={{ fontSize: "1.05rem", color: "inherit" }} data-testid="invoice-total">
                <Amount money={data.total} />
              </Table.Th>
            </Table.Tr>
          </Table.Tfoot>
        </Table>
      </TableWrap>
    </Panel>
  );
}

function PreviewHead({ preview }: { preview: InvoicePreview }) {
  const t = useText();
  const language = useLanguage();
  const end = preview.periodEndTime ? new Date(Date.parse(preview.periodEndTime) - 1) : undefined;
  return (
    <div className={watch.padTitle}>
      <h2 className={watch.title} style={{ marginBottom: 4 }}>
        {t("billing.preview")} ·{" "}
        {preview.periodStartTime ? formatMonth(preview.periodStartTime, language) : ""}
      </h2>
      <p style={{ color: "var(--m-muted)", margin: "0 0 10px", fontSize: "0.9rem" }}>
        <bdi>
          {formatDate(preview.periodStartTime, language)} – {formatDate(end, language)}
        </bdi>
      </p>
    </div>
  );
}

type Line = NonNullable<InvoicePreview["lines"]>[number];

function PreviewLine({ line }: { line: Line }) {
  const language = useLanguage();
  const decimal = (text: string | undefined) => formatNumber(roundDecimal(text || "0", 4), language);
  return (
    <Table.Tr data-testid={`invoice-line-${line.meter}`}>
      <Table.Td>{textOr("meter", line.meter ?? "")}</Table.Td>
      <Table.Td className="m-figures">{decimal(line.quantity)}</Table.Td>
      <Table.Td className="m-figures">{decimal(line.includedQuantity)}</Table.Td>
      <Table.Td>
        <Amount money={line.unitPrice} />
      </Table.Td>
      <Table.Td>
        <Amount money={line.amount} />
      </Table.Td>
    </Table.Tr>
  );
}

function UsageSums() {
  const t = useText();
  const language = useLanguage();
  const { data } = useQuery({
    queryKey: ["usageSums"],
    queryFn: () => ask(api.GET("/v1/usageRecords:summarize")),
  });
  useRefreshOn(["usageSums"], "UsageRated");
  const sums = data?.summaries ?? [];
  if (sums.length === 0) return null;
  return (
    <div className={watch.totals} style={{ margin: 0 }}>
      {sums.map((sum) => (
        <div key={sum.meter} className={watch.stat}>
          <div className={watch.statLabel}>{textOr("meter", sum.meter ?? "")}</div>
          <div className={`${watch.statValue} m-figures`}>
            {formatNumber(roundDecimal(sum.quantity || "0", 4), language)}
          </div>
          <div className={watch.statLabel}>
            {t("billing.records", { count: formatNumber(sum.recordCount ?? 0, language) })}
          </div>
        </div>
      ))}
    </div>
  );
}

function UsageRecords() {
  const t = useText();
  const { query, rows } = usePages<UsageRecord>(["usageRecords"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/usageRecords", { params: { query: { pageToken } } }));
    return { rows: answer.usageRecords ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["usageRecords"], "UsageRated");
  return (
    <section aria-label={t("billing.usage")}>
      <h2 className={watch.title}>{t("billing.usage")}</h2>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconReceipt} title={t("billing.noUsage")}>
            {t("billing.noUsageBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <TableWrap label={t("billing.usage")}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("admin.audit.when")}</Table.Th>
                  <Table.Th>{t("billing.meter")}</Table.Th>
                  <Table.Th>{t("billing.used")}</Table.Th>
                  <Table.Th>{t("billing.billed")}</Table.Th>
                  <Table.Th>{t("billing.quantity")}</Table.Th>
                  <Table.Th>{t("billing.charge")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {shown.map((record) => (
                  <UsageRow key={record.usageRecordId} record={record} />
                ))}
              </Table.Tbody>
            </Table>
          </TableWrap>
        )}
      </PagedPanel>
    </section>
  );
}

function UsageRow({ record }: { record: UsageRecord }) {
  const t = useText();
  const language = useLanguage();
  const seconds = (value: string | undefined) =>
    Number(value ?? 0) > 0 ? t("billing.seconds", { count: formatNumber(value ?? "0", language) }) : "–";
  return (
    <Table.Tr data-testid={`usage-${record.usageRecordId}`}>
      <Table.Td>
        <DateTime value={record.usageTime} />
      </Table.Td>
      <Table.Td>{textOr("meter", record.meter ?? "")}</Table.Td>
      <Table.Td className="m-figures">{seconds(record.usedSeconds)}</Table.Td>
      <Table.Td className="m-figures">{seconds(record.billedSeconds)}</Table.Td>
      <Table.Td className="m-figures">
        {formatNumber(roundDecimal(record.quantity || "0", 4), language)}
      </Table.Td>
      <Table.Td>
        <Amount money={record.charge} />
      </Table.Td>
    </Table.Tr>
  );
}
