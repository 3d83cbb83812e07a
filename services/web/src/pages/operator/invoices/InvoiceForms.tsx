import { Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { fieldProblem } from "../../../api/problem.ts";
import type { Invoice } from "../../../api/types.ts";
import { formatMoney, latinDigits } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import classes from "../../admin/billing/billing.module.css";
import { lineText } from "../../admin/billing/parts.tsx";

interface Props {
  invoice: Invoice;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** An amount as it is typed in any of our languages, as the decimal text the server wants. */
export function decimalOf(typed: string): string {
  const text = latinDigits(typed.trim()).replace("٫", ".").replaceAll("٬", "");
  return /^\d+,\d+$/.test(text) ? text.replace(",", ".") : text;
}

function pathOf(invoice: Invoice) {
  return { tenantId: invoice.tenantId ?? "", invoiceId: invoice.invoiceId ?? "" };
}

export function PaymentForm({ invoice, onClose, onDone }: Props) {
  const t = useText();
  const currency = invoice.owed?.currency ?? "";
  const [requestId] = useState(newRequestId);
  const [amount, setAmount] = useState(invoice.owed?.amount ?? "");
  const [reference, setReference] = useState("");
  const save = async () => {
    const body = { requestId, amount: { amount: decimalOf(amount), currency }, reference };
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:recordPayment";
    await ask(api.POST(address, { params: { path: pathOf(invoice) }, body }));
    await onDone();
  };
  return (
    <FormModal title={t("operator.recordPayment")} onClose={onClose} onSave={save} testId="payment">
      {(problem) => (
        <>
          <TextField
            label={`${t("operator.amount")} (${currency})`}
            description={t("operator.recordPaymentHint")}
            required
            inputMode="decimal"
            data-autofocus
            value={amount}
            error={fieldProblem(problem, "amount")}
            onChange={(event) => setAmount(event.currentTarget.value)}
            data-testid="payment-amount"
          />
          <TextField
            label={t("invoice.reference")}
            required
            maxLength={200}
            value={reference}
            error={fieldProblem(problem, "reference")}
            onChange={(event) => setReference(event.currentTarget.value)}
            data-testid="payment-reference"
          />
        </>
      )}
    </FormModal>
  );
}

export function VoidForm({ invoice, onClose, onDone }: Props) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const [reason, setReason] = useState("");
  const save = async () => {
    const body = { requestId, reason, version: invoice.version };
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:void";
    await ask(api.POST(address, { params: { path: pathOf(invoice) }, body }));
    await onDone();
  };
  return (
    <FormModal
      title={t("operator.void")}
      saveLabel={t("operator.void")}
      saveColor="red"
      onClose={onClose}
      onSave={save}
      testId="void"
    >
      <Text>{t("operator.voidHint")}</Text>
      <Reason value={reason} onChange={setReason} testId="void-reason" />
    </FormModal>
  );
}

/** What is taken back of each line. */
export function CreditForm({ invoice, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [requestId] = useState(newRequestId);
  const [reason, setReason] = useState("");
  const [amounts, setAmounts] = useState<Record<string, string>>({});
  const save = async () => {
    const lines = (invoice.lines ?? [])
      .map((line) => ({
        lineId: line.lineId ?? "",
        amount: {
          amount: decimalOf(amounts[line.lineId ?? ""] ?? ""),
          currency: line.amount?.currency ?? "",
        },
      }))
      .filter((line) => line.amount.amount !== "");
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}/creditNotes";
    await ask(api.POST(address, { params: { path: pathOf(invoice) }, body: { requestId, reason, lines } }));
    await onDone();
  };
  return (
    <FormModal title={t("operator.credit")} onClose={onClose} onSave={save} size="lg" testId="credit">
      <Text>{t("operator.creditHint")}</Text>
      <Reason value={reason} onChange={setReason} testId="credit-reason" />
      {(invoice.lines ?? []).map((line) => (
        <div key={line.lineId} className={classes.credit}>
          <div>
            <bdi>{lineText(line)}</bdi>
            <div style={{ color: "var(--m-muted)", fontSize: "0.85rem" }}>
              <bdi>{formatMoney(line.amount?.amount ?? "0", line.amount?.currency ?? "", language)}</bdi>
            </div>
          </div>
          <TextField
            aria-label={`${t("operator.amount")}: ${lineText(line)}`}
            inputMode="decimal"
            placeholder="–"
            value={amounts[line.lineId ?? ""] ?? ""}
            onChange={(event) => setAmounts({ ...amounts, [line.lineId ?? ""]: event.currentTarget.value })}
            data-testid={`credit-${line.lineId}`}
          />
        </div>
      ))}
    </FormModal>
  );
}

function Reason(props: { value: string; onChange: (value: string) => void; testId: string }) {
  const t = useText();
  return (
    <Textarea
      label={t("invoice.reason")}
      required
      autosize
      minRows={2}
      maxLength={500}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      data-testid={props.testId}
    />
  );
}
