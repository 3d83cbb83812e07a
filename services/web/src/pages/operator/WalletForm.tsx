import { Checkbox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Wallet } from "../../api/types.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";
import { decimals } from "../admin/WalletPanel.tsx";

interface Props {
  tenantId: string;
  wallet: Wallet | undefined;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** What a company's wallet allows, and by which deck its calls are charged. */
export function WalletForm({ tenantId, wallet, onClose, onDone }: Props) {
  const t = useText();
  const [currency, setCurrency] = useState(wallet?.currency ?? "EUR");
  const [prepaid, setPrepaid] = useState(wallet?.prepaid ?? true);
  const [negative, setNegative] = useState(wallet?.negativeAllowed ?? false);
  const [limit, setLimit] = useState(wallet?.creditLimit ?? "");
  const [deckId, setDeckId] = useState(wallet?.rateDeckId ?? "");
  const [low, setLow] = useState((wallet?.lowBalances ?? []).join(" "));
  const decks = useQuery({
    queryKey: ["rateDecks", "all"],
    queryFn: () => ask(api.GET("/v1/operator/rateDecks", { params: { query: { pageSize: 200 } } })),
  }).data?.rateDecks;
  const save = async () => {
    const body = {
      wallet: {
        currency,
        prepaid,
        negativeAllowed: negative,
        creditLimit: negative ? latinDigits(limit).trim() : "",
        rateDeckId: deckId,
        lowBalances: decimals(low),
        autoTopUpAmount: wallet?.autoTopUpAmount,
        autoTopUpBelow: wallet?.autoTopUpBelow,
        version: wallet?.version,
      },
    };
    await ask(
      api.POST("/v1/operator/tenants/{tenantId}/wallet:configure", { params: { path: { tenantId } }, body }),
    ).finally(onDone);
    toast(t("wallet.saved"));
  };
  return (
    <FormModal title={t("wallet.settings")} onClose={onClose} onSave={save} testId="wallet-form">
      {(problem) => (
        <>
          <TextField
            label={t("rates.currency")}
            required
            maxLength={3}
            value={currency}
            error={fieldProblem(problem, "currency")}
            onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())}
          />
          <Checkbox
            label={t("wallet.prepaid")}
            description={t("wallet.prepaidHint")}
            checked={prepaid}
            onChange={(event) => setPrepaid(event.currentTarget.checked)}
          />
          <SelectField
            label={t("wallet.deck")}
            clearable
            clearButtonProps={{ "aria-label": t("wallet.planPrice") }}
            placeholder={t("wallet.planPrice")}
            data={(decks ?? []).map((deck) => ({
              value: deck.rateDeckId ?? "",
              label: deck.displayName ?? "",
            }))}
            value={deckId || null}
            error={fieldProblem(problem, "rateDeckId")}
            onChange={(next) => setDeckId(next ?? "")}
          />
          <Checkbox
            label={t("wallet.negative")}
            checked={negative}
            onChange={(event) => setNegative(event.currentTarget.checked)}
          />
          {negative && (
            <TextField
              label={t("wallet.creditLimit")}
              description={t("wallet.creditLimitHint")}
              inputMode="decimal"
              dir="ltr"
              value={limit}
              error={fieldProblem(problem, "creditLimit")}
              onChange={(event) => setLimit(event.currentTarget.value)}
            />
          )}
          <TextField
            label={t("wallet.lowBalances")}
            description={t("wallet.lowBalancesHint")}
            dir="ltr"
            value={low}
            error={fieldProblem(problem, "lowBalances")}
            onChange={(event) => setLow(event.currentTarget.value)}
          />
        </>
      )}
    </FormModal>
  );
}
