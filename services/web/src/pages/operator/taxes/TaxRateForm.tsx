import { Checkbox, SimpleGrid } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { isWrong, saidAtFields } from "../../../api/fields.ts";
import { decimalText } from "../../../format/typed.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, TextField } from "../../../ui/fields.tsx";
import { CountrySelect } from "../../admin/CountrySelect.tsx";

interface Props {
  onClose: () => void;
  onDone: () => Promise<void>;
}

const FIRST = {
  country: "",
  part: "",
  name: "",
  taxCode: "vat",
  percent: "",
  included: false,
  from: "",
  until: "",
  lines: "",
};

/** A new tax rate. It never changes but for its end. */
export function TaxRateForm({ onClose, onDone }: Props) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState(FIRST);
  const change = (part: Partial<typeof FIRST>) => setValue((before) => ({ ...before, ...part }));
  const save = async () => {
    const part = value.part.trim();
    const taxRate = {
      taxCode: value.taxCode.trim(),
      name: value.name.trim(),
      region: part ? `${value.country}-${part}` : value.country,
      percent: decimalText(value.percent),
      included: value.included,
      startTime: new Date(value.from).toISOString(),
      ...(value.until ? { endTime: new Date(value.until).toISOString() } : {}),
      lineCodes: value.lines.split(/[,،]/).flatMap((each) => each.trim() || []),
    };
    await ask(api.POST("/v1/operator/taxRates", { body: { requestId, taxRate } })).finally(onDone);
    toast(t("taxRates.made", { name: taxRate.name }));
  };
  return (
    <FormModal
      title={t("taxRates.add")}
      onClose={onClose}
      onSave={save}
      size="lg"
      testId="taxrate"
      noted={saidAtFields}
    >
      {(problem) => {
        const wrong = (path: string) =>
          isWrong(problem, path) ? textOr("taxRates.fault", path.split(".").at(-1) ?? "") : undefined;
        return (
          <>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <CountrySelect
                label={t("taxRates.country")}
                required
                value={value.country}
                error={wrong("tax_rate.region")}
                onChange={(country) => change({ country })}
                testId="taxrate-country"
              />
              <TextField
                label={t("taxRates.part")}
                description={t("taxRates.partHint")}
                inputWrapperOrder={HINT_BELOW}
                maxLength={3}
                dir="ltr"
                value={value.part}
                onChange={(event) => change({ part: event.currentTarget.value.toUpperCase() })}
                data-testid="taxrate-part"
              />
              <TextField
                label={t("taxRates.name")}
                required
                maxLength={64}
                value={value.name}
                error={wrong("tax_rate.name")}
                onChange={(event) => change({ name: event.currentTarget.value })}
                data-testid="taxrate-name"
              />
              <TextField
                label={t("taxRates.code")}
                description={t("taxRates.codeHint")}
                inputWrapperOrder={HINT_BELOW}
                required
                maxLength={32}
                dir="ltr"
                value={value.taxCode}
                error={wrong("tax_rate.tax_code")}
                onChange={(event) => change({ taxCode: event.currentTarget.value })}
                data-testid="taxrate-code"
              />
              <TextField
                label={t("taxRates.percent")}
                required
                inputMode="decimal"
                dir="ltr"
                value={value.percent}
                error={wrong("tax_rate.percent")}
                onChange={(event) => change({ percent: event.currentTarget.value })}
                data-testid="taxrate-percent"
              />
              <TextField
                label={t("taxRates.lines")}
                description={t("taxRates.linesHint")}
                inputWrapperOrder={HINT_BELOW}
                dir="ltr"
                value={value.lines}
                onChange={(event) => change({ lines: event.currentTarget.value })}
                data-testid="taxrate-lines"
              />
              <TextField
                label={t("taxRates.from")}
                required
                type="datetime-local"
                value={value.from}
                error={wrong("tax_rate.start_time")}
                onChange={(event) => change({ from: event.currentTarget.value })}
                data-testid="taxrate-from"
              />
              <TextField
                label={t("taxRates.endsAt")}
                type="datetime-local"
                value={value.until}
                error={wrong("tax_rate.end_time")}
                onChange={(event) => change({ until: event.currentTarget.value })}
                data-testid="taxrate-until"
              />
            </SimpleGrid>
            <Checkbox
              label={t("taxRates.includedLabel")}
              checked={value.included}
              onChange={(event) => change({ included: event.currentTarget.checked })}
              data-testid="taxrate-included"
            />
          </>
        );
      }}
    </FormModal>
  );
}
