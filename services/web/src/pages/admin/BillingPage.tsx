import { Table } from "@mantine/core";
import { IconReceipt } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { useParams } from "wouter";
import { api, ask } from "../../api/client.ts";
import { usePlans } from "../../api/plan.ts";
import type { InvoicePreview, Money, UsageRecord } from "../../api/types.ts";
import { formatDate, formatMonth } from "../../format/dates.ts";
import { formatMoney, formatNumber, roundDecimal } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading, PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { useRefreshOn } from "../watch/useRefreshOn.ts";
import watch from "../watch/watch.module.css";
import { Allowances } from "./billing/Allowances.tsx";
import { useByBrand } from "./billing/byBrand.tsx";
import { InvoicePage } from "./billing/InvoicePage.tsx";
import { Invoices } from "./billing/Invoices.tsx";
import { Owed } from "./billing/Owed.tsx";
import { PaymentPanel } from "./billing/PaymentPanel.tsx";
import { ProfilePanel } from "./billing/ProfilePanel.tsx";
import { Days, inAdvance, lineText } from "./billing/parts.tsx";
import { Source } from "./billing/Source.tsx";
import { PlanPanel } from "./PlanPanel.tsx";
import { WalletPanel } from "./WalletPanel.tsx";

const UsageCharts = lazyPage(() => import("./billing/UsageCharts.tsx"));

/** What this period costs so far, from which usage, under which plan. Every figure is the server's own decimal. */
export default function BillingPage() {
  const t = useText();
  const { invoiceId } = useParams<{ invoiceId?: string }>();
  if (invoiceId) return <InvoicePage key={invoiceId} invoiceId={invoiceId} />;
  return (
    <>
      <PageHeader title={t("nav.billing")} subtitle={t("billing.lead")} />
      <div className={watch.stack}>
        <UsageOfAllowances />
        <Suspense>
          <UsageCharts />
        </Suspense>
        <Owed />
        <Preview />
        <UsageSums />
        <WalletPanel />
        <Invoices />
        <PaymentPanel />
        <ProfilePanel />
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

function UsageOfAllowances() {
  const { data } = usePreview();
  const { plans } = usePlans().data ?? {};
  const current = useCurrentUsage().data;
  const rates = plans?.find((plan) => plan.planId === data?.planId)?.rates;
  if (!data || !rates) return null;
  // What is paid in advance isn't on this invoice any more: how much is held says the usage itself.
  const ahead = new Set(
    rates.filter((rate) => rate.timing === "RATE_TIMING_ADVANCE").map((rate) => rate.meter),
  );
  const lines = (data.lines ?? []).filter((line) => !ahead.has(line.meter));
  const heldNow = (current?.meters ?? []).filter((each) => ahead.has(each.meter));
  return <Allowances lines={[...lines, ...heldNow]} rates={rates} />;
}

function useCurrentUsage() {
  const current = useQuery({ queryKey: ["currentUsage"], queryFn: () => ask(api.GET("/v1/usage:current")) });
  useRefreshOn(["currentUsage"], "UsageRated");
  return current;
}

function usePreview() {
  const preview = useQuery({
    queryKey: ["invoicePreview"],
    queryFn: () => ask(api.GET("/v1/invoices:preview")),
  });
  useRefreshOn(["invoicePreview"], "UsageRated");
  return preview;
}

/** What the plan of the preview says of a meter. */
function useRate() {
  const planId = usePreview().data?.planId;
  const { plans } = usePlans().data ?? {};
  const rates = plans?.find((plan) => plan.planId === planId)?.rates ?? [];
  return (meter: string | undefined) => rates.find((rate) => rate.meter === meter);
}

/** A quantity in its meter's unit: "24.7 min". */
function Measure({ quantity, meter }: { quantity: string | undefined; meter: string | undefined }) {
  const language = useLanguage();
  const rateOf = useRate();
  const count = formatNumber(roundDecimal(quantity || "0", 4), language);
  const unit = rateOf(meter)?.unit;
  return <span className="m-figures">{unit ? textOr("measure", unit, { count }) : count}</span>;
}

function Preview() {
  const t = useText();
  const { data, error, refetch } = usePreview();
  const { lines, all, picker } = useByBrand(data?.lines ?? []);
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <Panel flush label={t("billing.preview")} testId="invoice-preview">
      <PreviewHead preview={data} />
      {picker && <div className={watch.padTitle}>{picker}</div>}
      <DataTable
        label={t("billing.preview")}
        rows={lines}
        keyOf={(line) => line.lineId ?? ""}
        testId={(line) => `invoice-line-${line.meter}`}
        columns={[
          { head: t("billing.line"), cell: (line) => <PreviewLine line={line} preview={data} /> },
          {
            head: t("billing.quantity"),
            cell: (line) => <Measure quantity={line.quantity} meter={line.meter} />,
          },
          { head: t("billing.included"), cell: (line) => <Included line={line} /> },
          { head: t("billing.unitPrice"), cell: (line) => <Amount money={line.unitPrice} /> },
          { head: t("billing.amount"), cell: (line) => <Amount money={line.amount} /> },
        ]}
        foot={
          all && (
            <Table.Tr role="row">
              <Table.Th role="rowheader" colSpan={4}>
                {t("billing.total")}
              </Table.Th>
              <Table.Td
                role="cell"
                style={{ fontSize: "1.05rem", fontWeight: 600 }}
                data-testid="invoice-total"
              >
                <Amount money={data.total} />
              </Table.Td>
            </Table.Tr>
          )
        }
      />
    </Panel>
  );
}

/** What a line is for, and when, where that isn't the period: what the next one costs in advance. */
function PreviewLine({ line, preview }: { line: Line; preview: InvoicePreview }) {
  const whole = line.startTime === preview.periodStartTime && line.endTime === preview.periodEndTime;
  return (
    <>
      <bdi>{lineText(line)}</bdi>
      {!whole && (
        <div className={watch.faint}>
          <Days start={line.startTime} end={line.endTime} />
        </div>
      )}
    </>
  );
}

/** How much of a line's quantity the plan covers, and how much it would. */
function Included({ line }: { line: Line }) {
  const t = useText();
  const language = useLanguage();
  const units = useRate()(line.meter)?.includedUnits;
  if (Number(units ?? 0) === 0) return <>–</>;
  const count = formatNumber(units ?? "0", language);
  return (
    <>
      <Measure quantity={line.includedQuantity} meter={line.meter} />{" "}
      <span className={watch.faint}>{t("billing.ofPlan", { count })}</span>
    </>
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
          <div className={watch.statValue}>
            <Measure quantity={sum.quantity} meter={sum.meter} />
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
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("billing.usage")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("billing.usageHint")}
      </p>
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
          <DataTable
            label={t("billing.usage")}
            rows={shown}
            keyOf={(row) => row.usageRecordId ?? ""}
            testId={(row) => `usage-${row.usageRecordId}`}
            columns={[
              { head: t("admin.audit.when"), cell: (row) => <DateTime value={row.usageTime} /> },
              { head: t("billing.meter"), cell: (row) => textOr("meter", row.meter ?? "") },
              { head: t("billing.source"), cell: (row) => <Source id={row.sourceId ?? ""} /> },
              { head: t("billing.used"), cell: (row) => <Seconds count={row.usedSeconds} /> },
              { head: t("billing.billed"), cell: (row) => <Seconds count={row.billedSeconds} /> },
              {
                head: t("billing.quantity"),
                cell: (row) => <Measure quantity={row.quantity} meter={row.meter} />,
              },
              { head: t("billing.charge"), cell: (row) => <Charge record={row} /> },
            ]}
          />
        )}
      </PagedPanel>
    </section>
  );
}

function Seconds({ count }: { count: string | undefined }) {
  const t = useText();
  const language = useLanguage();
  if (Number(count ?? 0) === 0) return <>–</>;
  return (
    <span className="m-figures">{t("billing.seconds", { count: formatNumber(count ?? "0", language) })}</span>
  );
}

/** A record's price by itself, and whether the plan's included units cover all of its meter so far. */
function Charge({ record }: { record: UsageRecord }) {
  const t = useText();
  const { data } = usePreview();
  const lines = (data?.lines ?? []).filter((line) => line.meter === record.meter && !inAdvance(line));
  const ofThisPeriod = Date.parse(record.usageTime ?? "") >= Date.parse(data?.periodStartTime ?? "");
  const covered =
    ofThisPeriod && lines.length > 0 && lines.every((line) => line.includedQuantity === line.quantity);
  return (
    <>
      <Amount money={record.charge} />{" "}
      {covered && <span className={watch.faint}>{t("billing.covered")}</span>}
    </>
  );
}
