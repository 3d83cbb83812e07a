import { NumberInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { RateDeck } from "../../api/types.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";

interface Props {
  parents: readonly RateDeck[];
  onClose: () => void;
  onDone: () => Promise<void>;
}

const ROUNDINGS = ["RATE_ROUNDING_NONE", "RATE_ROUNDING_HALF_UP", "RATE_ROUNDING_UP"] as const;
const ZONES = Intl.supportedValuesOf?.("timeZone") ?? ["UTC"];

/** A new deck: what holds for all of its lines, or whose prices it marks up. */
export function DeckForm({ parents, onClose, onDone }: Props) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const [name, setName] = useState("");
  const [parentId, setParentId] = useState("");
  const [currency, setCurrency] = useState("EUR");
  const [zone, setZone] = useState("UTC");
  const [rounding, setRounding] = useState<(typeof ROUNDINGS)[number]>("RATE_ROUNDING_NONE");
  const [digits, setDigits] = useState(4);
  const [percent, setPercent] = useState("");
  const parent = parents.find((deck) => deck.rateDeckId === parentId);
  const save = async () => {
    const rateDeck = {
      displayName: name,
      currency: parent?.currency ?? currency,
      timeZone: zone,
      rounding,
      roundingDigits: digits,
      parentRateDeckId: parentId,
    };
    await ask(
      api.POST("/v1/operator/rateDecks", {
        body: { requestId, rateDeck, markupPercent: parent ? latinDigits(percent) : "" },
      }),
    );
    await onDone();
    toast(t("rates.added", { name }));
  };
  return (
    <FormModal title={t("rates.add")} onClose={onClose} onSave={save} testId="deck">
      {(problem) => (
        <>
          <TextField
            label={t("common.name")}
            required
            maxLength={100}
            data-autofocus
            value={name}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="deck-name"
          />
          <SelectField
            label={t("rates.parent")}
            description={t("rates.parentHint")}
            clearable
            clearButtonProps={{ "aria-label": t("rates.ownLines") }}
            placeholder={t("rates.ownLines")}
            data={parents.map((deck) => ({ value: deck.rateDeckId ?? "", label: deck.displayName ?? "" }))}
            value={parentId || null}
            onChange={(next) => setParentId(next ?? "")}
          />
          {parent ? (
            <TextField
              label={t("rates.markup")}
              value={percent}
              inputMode="decimal"
              error={fieldProblem(problem, "markupPercent")}
              onChange={(event) => setPercent(event.currentTarget.value)}
              data-testid="deck-markup"
            />
          ) : (
            <>
              <TextField
                label={t("rates.currency")}
                required
                maxLength={3}
                value={currency}
                error={fieldProblem(problem, "currency")}
                onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())}
                data-testid="deck-currency"
              />
              <SelectField
                label={t("rates.zone")}
                description={t("rates.zoneHint")}
                searchable
                data={["UTC", ...ZONES.filter((each) => each !== "UTC")]}
                value={zone}
                error={fieldProblem(problem, "timeZone")}
                onChange={(next) => setZone(next ?? "UTC")}
              />
            </>
          )}
          <SelectField
            label={t("rates.rounding")}
            data={ROUNDINGS.map((value) => ({ value, label: t(`rates.rounding.${value}`) }))}
            value={rounding}
            allowDeselect={false}
            onChange={(next) => setRounding((next ?? "RATE_ROUNDING_NONE") as typeof rounding)}
          />
          {rounding !== "RATE_ROUNDING_NONE" && (
            <NumberInput
              label={t("rates.digits")}
              min={0}
              max={8}
              value={digits}
              onChange={(next) => setDigits(Number(next) || 0)}
            />
          )}
        </>
      )}
    </FormModal>
  );
}
