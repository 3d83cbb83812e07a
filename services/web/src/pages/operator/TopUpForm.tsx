import { NumberInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";

const SOURCES = ["GRANT_SOURCE_PAID", "GRANT_SOURCE_FREE", "GRANT_SOURCE_PROMO"] as const;

interface Props {
  tenantId: string;
  currency: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Money that an operator adds: paid, free or a gift, for ever or until a day. */
export function TopUpForm({ tenantId, currency, onClose, onDone }: Props) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const [amount, setAmount] = useState("");
  const [source, setSource] = useState<(typeof SOURCES)[number]>("GRANT_SOURCE_PAID");
  const [priority, setPriority] = useState(0);
  const [expires, setExpires] = useState("");
  const [note, setNote] = useState("");
  const save = async () => {
    const body = {
      requestId,
      amount: latinDigits(amount).replace("٫", ".").trim(),
      source,
      priority,
      expireTime: expires ? new Date(expires).toISOString() : undefined,
      note,
    };
    await ask(
      api.POST("/v1/operator/tenants/{tenantId}/wallet:topUp", { params: { path: { tenantId } }, body }),
    ).finally(onDone);
    toast(t("wallet.toppedUp"));
  };
  return (
    <FormModal
      title={t("wallet.topUp")}
      saveLabel={t("wallet.topUp")}
      onClose={onClose}
      onSave={save}
      testId="top-up"
    >
      {(problem) => (
        <>
          <TextField
            label={t("wallet.amount", { currency })}
            required
            inputMode="decimal"
            dir="ltr"
            data-autofocus
            value={amount}
            error={fieldProblem(problem, "amount")}
            onChange={(event) => setAmount(event.currentTarget.value)}
            data-testid="top-up-amount"
          />
          <SelectField
            label={t("wallet.source")}
            allowDeselect={false}
            data={SOURCES.map((value) => ({ value, label: t(`wallet.source.${value}`) }))}
            value={source}
            onChange={(next) => setSource((next ?? SOURCES[0]) as typeof source)}
          />
          <NumberInput
            label={t("wallet.priority")}
            description={t("wallet.priorityHint")}
            min={0}
            max={1000}
            value={priority}
            onChange={(next) => setPriority(Number(next) || 0)}
          />
          <TextField
            label={t("wallet.expires")}
            type="datetime-local"
            value={expires}
            error={fieldProblem(problem, "expireTime")}
            onChange={(event) => setExpires(event.currentTarget.value)}
          />
          <TextField
            label={t("wallet.note")}
            maxLength={200}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
        </>
      )}
    </FormModal>
  );
}
