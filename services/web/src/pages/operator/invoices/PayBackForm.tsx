import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { fieldProblem } from "../../../api/problem.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { decimalOf } from "./InvoiceForms.tsx";

interface Props {
  tenantId: string;
  /** What the company has of it. */
  credit: { amount?: string; currency?: string };
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Notes credit that was paid back to a company. */
export function PayBackForm({ tenantId, credit, onClose, onDone }: Props) {
  const t = useText();
  const currency = credit.currency ?? "";
  const [requestId] = useState(newRequestId);
  const [amount, setAmount] = useState(credit.amount ?? "");
  const [reference, setReference] = useState("");
  const save = async () => {
    const body = { requestId, amount: { amount: decimalOf(amount), currency }, reference };
    await ask(
      api.POST("/v1/operator/tenants/{tenantId}/credit:payBack", { params: { path: { tenantId } }, body }),
    );
    await onDone();
  };
  return (
    <FormModal title={t("operator.payBack")} onClose={onClose} onSave={save} testId="pay-back">
      {(problem) => (
        <>
          <TextField
            label={`${t("operator.amount")} (${currency})`}
            description={t("operator.payBackHint")}
            required
            inputMode="decimal"
            data-autofocus
            value={amount}
            error={fieldProblem(problem, "amount")}
            onChange={(event) => setAmount(event.currentTarget.value)}
            data-testid="pay-back-amount"
          />
          <TextField
            label={t("invoice.reference")}
            required
            maxLength={200}
            value={reference}
            error={fieldProblem(problem, "reference")}
            onChange={(event) => setReference(event.currentTarget.value)}
            data-testid="pay-back-reference"
          />
        </>
      )}
    </FormModal>
  );
}
