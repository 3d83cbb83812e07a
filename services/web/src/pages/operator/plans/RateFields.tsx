import { Button, Checkbox, NumberInput, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import type { Rate, RateModel } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { RemoveLine } from "../../../ui/RowActions.tsx";
import type { FaultOf } from "./faults.ts";
import { DecimalField, MoneyField } from "./fields.tsx";
import classes from "./plans.module.css";
import {
  hasMore,
  isCall,
  lasts,
  type MeterChoice,
  MODELS,
  PERCENTAGES,
  TIERED,
  withMeter,
  withModel,
} from "./rates.ts";
import { TierFields } from "./TierFields.tsx";

const TIMINGS = ["RATE_TIMING_ARREARS", "RATE_TIMING_ADVANCE"] as const;
interface Props {
  rates: readonly Rate[];
  meters: readonly MeterChoice[];
  faultOf: FaultOf;
  onChange: (rates: Rate[]) => void;
}

/** The prices of usage, each of any model. */
export function RatesFields({ rates, meters, faultOf, onChange }: Props) {
  const t = useText();
  const add = () =>
    onChange([...rates, withMeter({ model: "RATE_MODEL_STANDARD" }, meters[0] ?? { meter: "", unit: "" })]);
  const put = (index: number, rate: Rate) =>
    onChange(rates.map((each, place) => (place === index ? rate : each)));
  return (
    <Stack>
      {rates.length === 0 && <p style={{ margin: 0 }}>{t("plans.form.noRates")}</p>}
      {rates.map((rate, index) => (
        <RateFields
          // biome-ignore lint/suspicious/noArrayIndexKey: a rate is known by its place
          key={index}
          rate={rate}
          index={index}
          meters={meters}
          faultOf={faultOf}
          onChange={(next) => put(index, next)}
          onRemove={() => onChange(rates.filter((_, place) => place !== index))}
        />
      ))}
      <div>
        <Button
          variant="default"
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={add}
          data-testid="rate-add"
        >
          {t("plans.form.addRate")}
        </Button>
      </div>
    </Stack>
  );
}

interface RateProps {
  rate: Rate;
  index: number;
  meters: readonly MeterChoice[];
  faultOf: FaultOf;
  onChange: (rate: Rate) => void;
  onRemove: () => void;
}

function RateFields({ rate, index, meters, faultOf, onChange, onRemove }: RateProps) {
  const t = useText();
  const language = useLanguage();
  const at = `plan.rates[${index}]`;
  const set = (part: Partial<Rate>) => onChange({ ...rate, ...part });
  const title = t("plans.form.rate", { number: formatNumber(index + 1, language) });
  return (
    <div className={classes.rate} role="group" aria-label={title} data-testid={`rate-${index}`}>
      <div className={classes.rateHead}>
        <h4>{title}</h4>
        <RemoveLine onClick={onRemove} />
      </div>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label={t("plans.form.meter")}
          data={namesOf(meters, rate.meter)}
          searchable
          value={rate.meter ?? null}
          allowDeselect={false}
          error={faultOf(`${at}.meter`) ?? faultOf(`${at}.unit`)}
          onChange={(next) => {
            const chosen = meters.find((each) => each.meter === next);
            if (chosen) onChange(withMeter(rate, chosen));
          }}
          data-testid={`rate-${index}-meter`}
        />
        <Select
          label={t("plans.form.model")}
          data={MODELS.map((each) => ({ value: each, label: textOr("plans.model", each) }))}
          value={rate.model ?? "RATE_MODEL_STANDARD"}
          allowDeselect={false}
          error={faultOf(`${at}.model`)}
          onChange={(next) => onChange(withModel(rate, next as RateModel))}
          data-testid={`rate-${index}-model`}
        />
      </SimpleGrid>
      <ModelFields rate={rate} at={at} index={index} faultOf={faultOf} onChange={set} />
      <MoreFields rate={rate} at={at} index={index} meters={meters} faultOf={faultOf} onChange={set} />
    </div>
  );
}

interface PartProps {
  rate: Rate;
  at: string;
  index?: number;
  faultOf: FaultOf;
  onChange: (part: Partial<Rate>) => void;
}

interface MoreProps extends PartProps {
  meters: readonly MeterChoice[];
}

/** The meters by name; one that is chosen and counts no more is there all the same. */
function namesOf(meters: readonly MeterChoice[], chosen: string | undefined) {
  const named = meters.map(({ meter, label }) => ({ value: meter, label: label ?? textOr("meter", meter) }));
  const gone = chosen && !meters.some((each) => each.meter === chosen);
  return gone ? [...named, { value: chosen, label: textOr("meter", chosen) }] : named;
}

function ModelFields({ rate, at, index = 0, faultOf, onChange }: PartProps) {
  const t = useText();
  const model = rate.model ?? "RATE_MODEL_STANDARD";
  const included = (
    <DecimalField
      label={t("plans.form.included")}
      value={rate.includedUnits ?? ""}
      error={faultOf(`${at}.included_units`)}
      onChange={(includedUnits) => onChange({ includedUnits })}
      testId={`rate-${index}-included`}
    />
  );
  if (TIERED.includes(model)) {
    return (
      <>
        <TierFields
          tiers={rate.tiers ?? []}
          percent={model === "RATE_MODEL_GRADUATED_PERCENTAGE"}
          at={at}
          faultOf={faultOf}
          onChange={(tiers) => onChange({ tiers })}
          testId={`rate-${index}-tier`}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>{included}</SimpleGrid>
      </>
    );
  }
  const price = (
    <MoneyField
      label={t(model === "RATE_MODEL_PACKAGE" ? "plans.form.packagePrice" : "plans.form.price")}
      value={rate.price}
      error={faultOf(`${at}.price`)}
      onChange={(next) => onChange({ price: next })}
      testId={`rate-${index}-price`}
    />
  );
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      {model === "RATE_MODEL_PERCENTAGE" && (
        <DecimalField
          label={t("plans.form.percent")}
          value={rate.percent ?? ""}
          error={faultOf(`${at}.percent`)}
          onChange={(percent) => onChange({ percent })}
        />
      )}
      {model === "RATE_MODEL_DECK" && (
        <TextInput
          label={t("plans.form.deck")}
          dir="ltr"
          value={rate.rateDeckId ?? ""}
          error={faultOf(`${at}.rate_deck_id`)}
          onChange={(event) => onChange({ rateDeckId: event.currentTarget.value.trim() })}
        />
      )}
      {(model === "RATE_MODEL_STANDARD" || model === "RATE_MODEL_PACKAGE") && price}
      {model === "RATE_MODEL_PACKAGE" && (
        <DecimalField
          label={t("plans.form.package")}
          value={rate.packageSize ?? ""}
          error={faultOf(`${at}.package_size`)}
          onChange={(packageSize) => onChange({ packageSize })}
        />
      )}
      {included}
    </SimpleGrid>
  );
}

/** Increments, when it is charged, bounds and fees, and which usage it is for: what most prices leave as it is. */
function MoreFields({ rate, at, index, meters, faultOf, onChange }: MoreProps) {
  const t = useText();
  const model = rate.model ?? "RATE_MODEL_STANDARD";
  const money = (
    name: "recordFee" | "recordMinimum" | "recordMaximum" | "minimum" | "maximum",
    path: string,
  ) =>
    ({
      value: rate[name],
      error: faultOf(`${at}.${path}`),
      onChange: (value: Rate["minimum"]) => onChange({ [name]: value }),
    }) as const;
  return (
    <details open={hasMore(rate) || undefined}>
      <summary style={{ cursor: "pointer" }}>{t("plans.form.more")}</summary>
      <Stack mt="sm">
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
          <MoneyField label={t("plans.form.rateMinimum")} {...money("minimum", "minimum")} />
          <MoneyField label={t("plans.form.rateMaximum")} {...money("maximum", "maximum")} />
          <MoneyField label={t("plans.form.recordFee")} {...money("recordFee", "record_fee")} />
          {PERCENTAGES.includes(model) && (
            <>
              <NumberInput
                label={t("plans.form.freeRecords")}
                allowDecimal={false}
                value={rate.freeRecords ?? 0}
                error={faultOf(`${at}.free_records`)}
                onChange={(value) => onChange({ freeRecords: Number(value) })}
              />
              <MoneyField
                label={t("plans.form.recordMinimum")}
                {...money("recordMinimum", "record_minimum")}
              />
              <MoneyField
                label={t("plans.form.recordMaximum")}
                {...money("recordMaximum", "record_maximum")}
              />
            </>
          )}
          {isCall(rate.meter) && (
            <>
              <NumberInput
                label={t("plans.form.first")}
                allowDecimal={false}
                value={rate.firstIncrementSeconds ?? 0}
                error={faultOf(`${at}.first_increment_seconds`)}
                onChange={(value) => onChange({ firstIncrementSeconds: Number(value) })}
              />
              <NumberInput
                label={t("plans.form.following")}
                allowDecimal={false}
                value={rate.nextIncrementSeconds ?? 0}
                error={faultOf(`${at}.next_increment_seconds`)}
                onChange={(value) => onChange({ nextIncrementSeconds: Number(value) })}
              />
            </>
          )}
          {lasts(rate.meter) && (
            <Select
              label={t("plans.form.timing")}
              data={TIMINGS.map((each) => ({ value: each, label: textOr("plans.timing", each) }))}
              value={rate.timing ?? "RATE_TIMING_ARREARS"}
              allowDeselect={false}
              error={faultOf(`${at}.timing`)}
              onChange={(next) => onChange({ timing: next as Rate["timing"] })}
              data-testid={`rate-${index}-timing`}
            />
          )}
          <Select
            label={t("plans.form.includedPer")}
            description={t("plans.form.includedPerHint")}
            data={namesOf(meters, rate.includedPerMeter)}
            value={rate.includedPerMeter || null}
            searchable
            clearable
            error={faultOf(`${at}.included_per_meter`)}
            onChange={(next) => onChange({ includedPerMeter: next ?? "" })}
            data-testid={`rate-${index}-included-per`}
          />
        </SimpleGrid>
        {TIERED.includes(model) && (
          <Checkbox
            label={t("plans.form.flatAtZero")}
            checked={rate.flatFeeAtZero ?? false}
            error={faultOf(`${at}.flat_fee_at_zero`)}
            onChange={(event) => onChange({ flatFeeAtZero: event.currentTarget.checked })}
            data-testid={`rate-${index}-flat-at-zero`}
          />
        )}
        <Properties rate={rate} at={at} faultOf={faultOf} onChange={onChange} />
      </Stack>
    </details>
  );
}

function Properties({ rate, at, faultOf, onChange }: PartProps) {
  const t = useText();
  // The text stays as it is typed, also while it isn't a pair yet.
  const [text, setText] = useState(() =>
    Object.entries(rate.properties ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(", "),
  );
  const names = Object.keys(rate.properties ?? {});
  const fault = [`${at}.properties`, ...names.map((name) => `${at}.properties[${name}]`)]
    .map(faultOf)
    .find(Boolean);
  return (
    <TextInput
      label={t("plans.form.properties")}
      description={t("plans.form.propertiesHint")}
      dir="ltr"
      value={text}
      error={fault}
      onChange={(event) => {
        setText(event.currentTarget.value);
        onChange({ properties: pairs(event.currentTarget.value) });
      }}
    />
  );
}

function pairs(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of text.split(",")) {
    const [name = "", ...value] = part.split("=");
    if (name.trim()) found[name.trim()] = value.join("=").trim();
  }
  return found;
}
