import { ActionIcon, Button, Stack } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import type { RateTier } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import type { FaultOf } from "./faults.ts";
import { DecimalField, MoneyField } from "./fields.tsx";
import classes from "./plans.module.css";

interface Props {
  tiers: readonly RateTier[];
  percent: boolean;
  at: string;
  faultOf: FaultOf;
  onChange: (tiers: RateTier[]) => void;
  testId: string;
}

/** The tiers of a price, lowest first; the last one has no end, and a new one is put before it. */
export function TierFields({ tiers, percent, at, faultOf, onChange, testId }: Props) {
  const t = useText();
  const language = useLanguage();
  const put = (index: number, part: Partial<RateTier>) =>
    onChange(tiers.map((tier, place) => (place === index ? { ...tier, ...part } : tier)));
  const add = () => onChange([...tiers.slice(0, -1), {}, ...tiers.slice(-1)]);
  const whole = faultOf(`${at}.tiers`);
  return (
    <Stack gap="xs" role="group" aria-label={t("plans.form.tiers")}>
      {tiers.map((tier, index) => {
        const here = `${at}.tiers[${index}]`;
        const last = index === tiers.length - 1;
        return (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: a tier is known by its place
            key={index}
            className={classes.tier}
            data-testid={`${testId}-${index}`}
          >
            <DecimalField
              label={t("plans.form.upTo")}
              placeholder={last ? t("plans.form.noEnd") : ""}
              value={tier.upTo ?? ""}
              error={faultOf(`${here}.up_to`)}
              onChange={(upTo) => put(index, { upTo })}
              testId={`${testId}-${index}-up-to`}
            />
            {percent ? (
              <DecimalField
                label={t("plans.form.percent")}
                value={tier.percent ?? ""}
                error={faultOf(`${here}.percent`)}
                onChange={(value) => put(index, { percent: value })}
              />
            ) : (
              <MoneyField
                label={t("plans.form.unitPrice")}
                value={tier.unitPrice}
                error={faultOf(`${here}.unit_price`)}
                onChange={(unitPrice) => put(index, { unitPrice })}
                testId={`${testId}-${index}-price`}
              />
            )}
            {!percent && (
              <DecimalField
                label={t("plans.form.package")}
                value={tier.packageSize ?? ""}
                error={faultOf(`${here}.package_size`)}
                onChange={(packageSize) => put(index, { packageSize })}
                testId={`${testId}-${index}-package`}
              />
            )}
            <MoneyField
              label={t("plans.form.flatFee")}
              value={tier.flatFee}
              error={faultOf(`${here}.flat_fee`)}
              onChange={(flatFee) => put(index, { flatFee })}
            />
            <ActionIcon
              className={classes.tierRemove}
              variant="subtle"
              color="gray"
              size="lg"
              disabled={tiers.length === 1}
              aria-label={t("plans.form.removeTier", { number: formatNumber(index + 1, language) })}
              onClick={() => onChange(tiers.filter((_, place) => place !== index))}
            >
              <IconX size={16} aria-hidden />
            </ActionIcon>
          </div>
        );
      })}
      {whole && <p className={classes.fault}>{whole}</p>}
      <div>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={add}
          data-testid={`${testId}-add`}
        >
          {t("plans.form.addTier")}
        </Button>
      </div>
    </Stack>
  );
}
