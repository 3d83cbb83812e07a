import { Button, Table } from "@mantine/core";
import { Fragment, useState } from "react";
import type { CreditNote, Invoice, InvoicePayment, IssuedLine } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatMoney, formatNumber, roundDecimal } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { failureText } from "../../../ui/failureText.ts";
import { Note, Tag, type Tone } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import watch from "../../watch/watch.module.css";
import classes from "./billing.module.css";
import { useByBrand } from "./byBrand.tsx";
import { LineRecords } from "./LineRecords.tsx";
import { Cost, Days, DownloadMenu, isZero, lineText } from "./parts.tsx";

/** Who, when, how much: what stands above the lines. */
export function Facts({ invoice }: { invoice: Invoice }) {
  const t = useText();
  const language = useLanguage();
  const day = (value: string | undefined) => (value ? formatDate(value, language) : undefined);
  const facts: [string, React.ReactNode][] = [
    [t("invoice.issued"), day(invoice.issueTime)],
    [t("invoice.due"), day(invoice.dueTime)],
    [t("invoice.total"), <Cost key="total" money={invoice.total} />],
    [t("invoice.paid"), isZero(invoice.paid) ? undefined : <Cost key="paid" money={invoice.paid} />],
    [
      t("invoice.credited"),
      isZero(invoice.credited) ? undefined : <Cost key="cr" money={invoice.credited} />,
    ],
    [t("invoice.owed"), invoice.number ? <Cost key="owed" money={invoice.owed} /> : undefined],
    [t("invoice.order"), invoice.purchaseOrder && <bdi>{invoice.purchaseOrder}</bdi>],
    [t("invoice.notes"), invoice.notes && <bdi>{invoice.notes}</bdi>],
  ];
  return (
    <Panel label={t("invoice.total")} testId="invoice-facts">
      <dl className={classes.facts}>
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </Panel>
  );
}

/** The lines with their sums; with `records`, each can be opened down to what it was made of. */
export function Lines({ invoice, records }: { invoice: Invoice; records?: boolean }) {
  const t = useText();
  const language = useLanguage();
  const [opened, setOpened] = useState<IssuedLine>();
  const columns = [
    { head: t("billing.line"), cell: (line: IssuedLine) => <LineName line={line} invoice={invoice} /> },
    { head: t("billing.quantity"), cell: (line: IssuedLine) => <Count value={line.quantity} /> },
    { head: t("billing.included"), cell: (line: IssuedLine) => <Count value={line.includedQuantity} /> },
    {
      head: t("billing.unitPrice"),
      cell: (line: IssuedLine) => (isZero(line.unitPrice) ? "–" : <Cost money={line.unitPrice} />),
    },
    { head: t("billing.amount"), cell: (line: IssuedLine) => <Cost money={line.amount} /> },
  ];
  const open = {
    head: t("invoice.records"),
    quiet: true,
    cell: (line: IssuedLine) =>
      line.hasRecords ? (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => setOpened(line)}
          aria-label={`${t("invoice.showRecords")}: ${lineText(line)}`}
          data-testid={`line-${line.lineId}-records`}
        >
          {t("invoice.records")}
        </Button>
      ) : null,
  };
  const width = records ? 6 : 5;
  const { lines, all, picker } = useByBrand(invoice.lines ?? []);
  return (
    <Panel flush label={t("invoice.lines")} testId="invoice-lines">
      {picker && <div className={watch.padTitle}>{picker}</div>}
      <DataTable
        label={t("invoice.lines")}
        rows={lines}
        keyOf={(line) => line.lineId ?? ""}
        testId={(line) => `line-${line.lineId}`}
        columns={records ? [...columns, open] : columns}
        foot={
          all && (
            <>
              <Sum name={t("invoice.subtotal")} width={width}>
                <Cost money={invoice.subtotal} />
              </Sum>
              {(invoice.discounts ?? []).map((each) => (
                <Sum key={each.discountId} name={each.name || t("invoice.discount")} width={width}>
                  <bdi className="m-figures">
                    {formatMoney(`-${each.amount?.amount ?? "0"}`, each.amount?.currency ?? "", language)}
                  </bdi>
                </Sum>
              ))}
              {(invoice.taxes ?? []).map((tax) => {
                const percent = formatNumber(tax.percent ?? "0", language);
                const base = formatMoney(tax.base?.amount ?? "0", tax.base?.currency ?? "", language);
                const name = tax.name ?? "";
                return (
                  <Fragment key={`${tax.taxCode}${tax.percent}`}>
                    <Sum
                      name={
                        tax.included
                          ? t("invoice.taxIncluded", { name, percent })
                          : t("invoice.tax", { name, percent, base })
                      }
                      width={width}
                    >
                      <Cost money={tax.amount} />
                    </Sum>
                  </Fragment>
                );
              })}
              <Sum name={t("invoice.total")} width={width} strong>
                <Cost money={invoice.total} />
              </Sum>
            </>
          )
        }
      />
      {opened && (
        <LineRecords invoiceId={invoice.invoiceId ?? ""} line={opened} onClose={() => setOpened(undefined)} />
      )}
    </Panel>
  );
}

function Sum(props: { name: string; width: number; strong?: boolean; children: React.ReactNode }) {
  return (
    <Table.Tr role="row">
      <Table.Th role="rowheader" colSpan={4}>
        {props.name}
      </Table.Th>
      <Table.Td
        role="cell"
        colSpan={props.width - 4}
        style={props.strong ? { fontSize: "1.05rem", fontWeight: 600 } : undefined}
        data-testid={props.strong ? "invoice-sum" : undefined}
      >
        {props.children}
      </Table.Td>
    </Table.Tr>
  );
}

function LineName({ line, invoice }: { line: IssuedLine; invoice: Invoice }) {
  const t = useText();
  const language = useLanguage();
  const whole = line.startTime === invoice.periodStartTime && line.endTime === invoice.periodEndTime;
  return (
    <>
      <bdi>{lineText(line)}</bdi>
      {!whole && (
        <div className={watch.faint}>
          <Days start={line.startTime} end={line.endTime} />
        </div>
      )}
      {!isZero(line.discount) && (
        <div className={watch.faint}>
          {t("invoice.discount")}:{" "}
          <bdi>{formatMoney(line.discount?.amount ?? "0", line.discount?.currency ?? "", language)}</bdi>
        </div>
      )}
      {!isZero(line.credited) && (
        <div className={watch.faint}>
          {t("invoice.credited")}: <Cost money={line.credited} />
        </div>
      )}
    </>
  );
}

function Count({ value }: { value: string | undefined }) {
  const language = useLanguage();
  if (!value || value === "0") return <>–</>;
  return <span className="m-figures">{formatNumber(roundDecimal(value, 4), language)}</span>;
}

const PAYMENT_TONES: Record<string, Tone> = { SUCCEEDED: "good", FAILED: "bad" };

export function Payments({ invoice }: { invoice: Invoice }) {
  const t = useText();
  if (!invoice.number) return null;
  const payments = invoice.payments ?? [];
  return (
    <section aria-label={t("invoice.payments")}>
      <h2 className={watch.title}>{t("invoice.payments")}</h2>
      {payments.length === 0 ? (
        <p className={watch.faint}>{t("invoice.noPayments")}</p>
      ) : (
        <Panel flush>
          <DataTable<InvoicePayment>
            label={t("invoice.payments")}
            rows={payments}
            keyOf={(row) => row.paymentId ?? ""}
            testId={(row) => `payment-${row.paymentId}`}
            columns={[
              { head: t("admin.audit.when"), cell: (row) => <DateTime value={row.paymentTime} /> },
              { head: t("billing.source"), cell: (row) => textOr("invoice.payment", row.provider ?? "") },
              { head: t("invoice.reference"), cell: (row) => <bdi>{row.reference || "–"}</bdi> },
              {
                head: t("invoice.state"),
                cell: (row) => (
                  <>
                    <Tag tone={PAYMENT_TONES[row.state ?? ""] ?? "neutral"}>
                      {textOr("invoice.paymentState", row.state ?? "")}
                    </Tag>
                    {row.failure && <div className={watch.faint}>{failureText(row.failure)}</div>}
                  </>
                ),
              },
              { head: t("billing.amount"), cell: (row) => <Cost money={row.amount} /> },
            ]}
          />
        </Panel>
      )}
    </section>
  );
}

export function CreditNotes({ invoice, path }: { invoice: Invoice; path?: string }) {
  const t = useText();
  const notes = invoice.creditNotes ?? [];
  if (notes.length === 0) return null;
  return (
    <section aria-label={t("invoice.creditNotes")}>
      <h2 className={watch.title}>{t("invoice.creditNotes")}</h2>
      <Panel flush>
        <DataTable<CreditNote>
          label={t("invoice.creditNotes")}
          rows={notes}
          keyOf={(row) => row.creditNoteId ?? ""}
          testId={(row) => `creditNote-${row.creditNoteId}`}
          columns={[
            { head: t("invoice.number"), cell: (row) => <bdi>{row.number}</bdi> },
            { head: t("admin.audit.when"), cell: (row) => <DateTime value={row.issueTime} /> },
            { head: t("invoice.reason"), cell: (row) => <bdi>{row.reason}</bdi> },
            { head: t("invoice.total"), cell: (row) => <Cost money={row.total} /> },
            {
              head: t("invoice.download"),
              quiet: true,
              cell: (row) =>
                path ? (
                  <DownloadMenu
                    compact
                    path={`${path}/${row.creditNoteId}/document`}
                    number={row.number ?? ""}
                  />
                ) : null,
            },
          ]}
        />
      </Panel>
    </section>
  );
}

/** Which invoice of the same period this one was made after, and whether one was made after it. */
export function Following({ invoice }: { invoice: Invoice }) {
  const t = useText();
  const number = invoice.followsNumber ?? "";
  return (
    <>
      {number && (
        <Note
          title={t(invoice.supplements ? "invoice.supplements" : "invoice.replaces", { number })}
          testId="invoice-follows"
        />
      )}
      {invoice.followedByInvoiceId && <Note title={t("invoice.followed")} testId="invoice-followed" />}
    </>
  );
}
