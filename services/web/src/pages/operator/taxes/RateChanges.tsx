import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { isWrong, saidAtFields } from "../../../api/fields.ts";
import { Problem } from "../../../api/problem.ts";
import type { TaxRate } from "../../../api/types.ts";
import { formatPercent } from "../../../format/numbers.ts";
import { decimalText } from "../../../format/typed.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, TextField } from "../../../ui/fields.tsx";

interface Props {
  rate: TaxRate;
  onClose: () => void;
  onDone: () => Promise<void>;
}

const PERCENT = /^(100(\.0{1,6})?|\d{1,2}(\.\d{1,6})?)$/;

/** Another percentage from a moment on: the rate ends there and a new one like it begins. */
export function ChangeRate({ rate, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [requestId] = useState(newRequestId);
  const [percent, setPercent] = useState("");
  const [from, setFrom] = useState("");
  const save = async () => {
    const taxRate = changed(rate, decimalText(percent), new Date(from));
    // The one in force ends first, or both would be charged. Said again after a failure, both do what they did.
    const change = async () => {
      await ended(rate, taxRate.startTime);
      await ask(api.POST("/v1/operator/taxRates", { body: { requestId, taxRate } }));
    };
    await change().finally(onDone);
    toast(t("taxRates.changed", { name: rate.name ?? "" }));
  };
  return (
    <FormModal
      title={t("taxRates.changeTitle", { name: rate.name ?? "", region: rate.region ?? "" })}
      onClose={onClose}
      onSave={save}
      testId="taxrate-change"
      noted={saidAtFields}
    >
      {(problem) => (
        <>
          <p style={{ margin: 0 }}>
            {t("taxRates.now")} <bdi>{formatPercent(rate.percent ?? "", language)}</bdi>
          </p>
          <TextField
            label={t("taxRates.newPercent")}
            required
            inputMode="decimal"
            dir="ltr"
            data-autofocus
            value={percent}
            error={isWrong(problem, "tax_rate.percent") ? t("taxRates.fault.percent") : undefined}
            onChange={(event) => setPercent(event.currentTarget.value)}
            data-testid="change-percent"
          />
          <Moment
            label={t("taxRates.from")}
            value={from}
            wrong={isWrong(problem, "end_time")}
            onChange={setFrom}
            testId="change-from"
          />
        </>
      )}
    </FormModal>
  );
}

/** Lets a rate end at a moment to come, nothing after it. */
export function EndRate({ rate, onClose, onDone }: Props) {
  const t = useText();
  const [until, setUntil] = useState("");
  const save = async () => {
    await ended(rate, new Date(until).toISOString()).finally(onDone);
    toast(t("taxRates.ended", { name: rate.name ?? "" }));
  };
  return (
    <FormModal
      title={t("taxRates.endTitle", { name: rate.name ?? "", region: rate.region ?? "" })}
      onClose={onClose}
      onSave={save}
      saveLabel={t("taxRates.end")}
      saveColor="red"
      testId="taxrate-end"
      noted={saidAtFields}
    >
      {(problem) => (
        <Moment
          label={t("taxRates.endsAt")}
          value={until}
          wrong={isWrong(problem, "end_time")}
          onChange={setUntil}
          testId="end-until"
        />
      )}
    </FormModal>
  );
}

interface MomentProps {
  label: string;
  value: string;
  wrong: boolean;
  onChange: (value: string) => void;
  testId: string;
}

function Moment({ label, value, wrong, onChange, testId }: MomentProps) {
  const t = useText();
  return (
    <TextField
      label={label}
      description={t("taxRates.momentHint")}
      inputWrapperOrder={HINT_BELOW}
      required
      type="datetime-local"
      value={value}
      error={wrong ? t("taxRates.fault.end_time") : undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
      data-testid={testId}
    />
  );
}

/** The rate that follows; it ends when the one before would have. Throws a `Problem` before anything is ended in vain. */
function changed(rate: TaxRate, percent: string, from: Date): TaxRate & { startTime: string } {
  const { taxCode, name, region, included, endTime, lineCodes } = rate;
  const wrong = (field: string) => new Problem(400, "TAX_INVALID", "", [{ field, description: field }]);
  if (!PERCENT.test(percent)) throw wrong("tax_rate.percent");
  if (endTime && from.getTime() >= Date.parse(endTime)) throw wrong("end_time");
  return { taxCode, name, region, percent, included, startTime: from.toISOString(), endTime, lineCodes };
}

function ended(rate: TaxRate, endTime: string): Promise<unknown> {
  const params = { path: { taxRateId: rate.taxRateId ?? "" } };
  return ask(api.POST("/v1/operator/taxRates/{taxRateId}:end", { params, body: { endTime } }));
}
