import { SimpleGrid, TagsInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { isWrong, saidAtFields } from "../../../api/fields.ts";
import { Problem } from "../../../api/problem.ts";
import type { Coupon } from "../../../api/types.ts";
import { decimalText } from "../../../format/typed.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField, TextField } from "../../../ui/fields.tsx";
import { partName, typedCount } from "./says.ts";

interface Props {
  onClose: () => void;
  onDone: () => Promise<void>;
}

const KINDS = ["percent", "amount"] as const;
const FREQUENCIES = [
  "COUPON_FREQUENCY_ONCE",
  "COUPON_FREQUENCY_REPEATING",
  "COUPON_FREQUENCY_FOREVER",
] as const;

const FIRST = {
  code: "",
  name: "",
  kind: "percent" as (typeof KINDS)[number],
  percent: "",
  amount: "",
  currency: "EUR",
  frequency: "COUPON_FREQUENCY_ONCE" as (typeof FREQUENCIES)[number],
  periods: "",
  rates: [] as string[],
  until: "",
  most: "",
};

/** A new coupon. What it takes off never changes, so there is no editing one. */
export function CouponForm({ onClose, onDone }: Props) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState(FIRST);
  const change = (part: Partial<typeof FIRST>) => setValue((before) => ({ ...before, ...part }));
  const meters = useQuery({
    queryKey: ["meters", "all"],
    queryFn: async () => ({ rows: (await ask(api.GET("/v1/meters"))).meters ?? [], next: "" }),
    select: ({ rows }) => rows.flatMap(({ meter }) => meter ?? []),
  });
  const repeating = value.frequency === "COUPON_FREQUENCY_REPEATING";
  const save = async () => {
    await ask(api.POST("/v1/operator/coupons", { body: { requestId, coupon: couponOf(value) } }));
    await onDone();
    toast(t("coupons.made", { code: value.code.trim() }));
  };
  return (
    <FormModal
      title={t("coupons.add")}
      onClose={onClose}
      onSave={save}
      size="lg"
      testId="coupon"
      noted={saidAtFields}
    >
      {(problem) => {
        const wrong = (path: string) =>
          isWrong(problem, path) ? textOr("coupons.fault", path.split(".").at(-1) ?? "") : undefined;
        return (
          <>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextField
                label={t("coupons.code")}
                description={t("coupons.codeHint")}
                inputWrapperOrder={HINT_BELOW}
                required
                maxLength={40}
                dir="ltr"
                data-autofocus
                value={value.code}
                error={wrong("coupon.code")}
                onChange={(event) => change({ code: event.currentTarget.value.toUpperCase() })}
                data-testid="coupon-code"
              />
              <TextField
                label={t("coupons.name")}
                description={t("coupons.nameHint")}
                inputWrapperOrder={HINT_BELOW}
                required
                maxLength={64}
                value={value.name}
                error={wrong("coupon.name")}
                onChange={(event) => change({ name: event.currentTarget.value })}
                data-testid="coupon-name"
              />
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: value.kind === "amount" ? 3 : 2 }}>
              <SelectField
                label={t("coupons.takesOff")}
                data={KINDS.map((each) => ({ value: each, label: t(`coupons.kind.${each}`) }))}
                value={value.kind}
                allowDeselect={false}
                onChange={(next) => change({ kind: next === "amount" ? "amount" : "percent" })}
                data-testid="coupon-kind"
              />
              <TextField
                label={t(`coupons.kind.${value.kind}`)}
                required
                inputMode="decimal"
                dir="ltr"
                value={value[value.kind]}
                // An amount of nothing is to the server that neither of both is there, which it says of percent.
                error={
                  isWrong(problem, `coupon.${value.kind}`) || isWrong(problem, "coupon.percent")
                    ? t(`coupons.fault.${value.kind}`)
                    : undefined
                }
                onChange={(event) => change({ [value.kind]: event.currentTarget.value })}
                data-testid={`coupon-${value.kind}`}
              />
              {value.kind === "amount" && (
                <TextField
                  label={t("rates.currency")}
                  required
                  maxLength={3}
                  dir="ltr"
                  value={value.currency}
                  error={wrong("coupon.amount.currency")}
                  onChange={(event) => change({ currency: event.currentTarget.value.toUpperCase() })}
                  data-testid="coupon-currency"
                />
              )}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <SelectField
                label={t("coupons.howLong")}
                data={FREQUENCIES.map((each) => ({ value: each, label: t(`coupons.frequency.${each}`) }))}
                value={value.frequency}
                allowDeselect={false}
                onChange={(next) =>
                  change({ frequency: (next ?? FIRST.frequency) as typeof FIRST.frequency })
                }
                data-testid="coupon-frequency"
              />
              {repeating && (
                <TextField
                  label={t("coupons.periods")}
                  required
                  inputMode="numeric"
                  dir="ltr"
                  value={value.periods}
                  error={wrong("coupon.periods")}
                  onChange={(event) => change({ periods: event.currentTarget.value })}
                  data-testid="coupon-periods"
                />
              )}
            </SimpleGrid>
            <TagsInput
              label={t("coupons.for")}
              description={t("coupons.forHint")}
              inputWrapperOrder={HINT_BELOW}
              data={["fee", ...(meters.data ?? [])]}
              renderOption={({ option }) => (
                <span>
                  {partName(option.value, t)} <span className="m-ltr">({option.value})</span>
                </span>
              )}
              value={value.rates}
              error={wrong("coupon.rates")}
              onChange={(rates) => change({ rates })}
              data-testid="coupon-rates"
            />
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextField
                label={t("coupons.redeemUntil")}
                description={t("coupons.untilHint")}
                inputWrapperOrder={HINT_BELOW}
                type="datetime-local"
                value={value.until}
                error={wrong("coupon.redeem_until_time")}
                onChange={(event) => change({ until: event.currentTarget.value })}
                data-testid="coupon-until"
              />
              <TextField
                label={t("coupons.most")}
                description={t("coupons.mostHint")}
                inputWrapperOrder={HINT_BELOW}
                inputMode="numeric"
                dir="ltr"
                value={value.most}
                error={wrong("coupon.max_redemptions")}
                onChange={(event) => change({ most: event.currentTarget.value })}
                data-testid="coupon-most"
              />
            </SimpleGrid>
          </>
        );
      }}
    </FormModal>
  );
}

/** The coupon that was typed. Throws a `Problem` naming the field of a count that is none. */
function couponOf(value: typeof FIRST): Coupon {
  const repeating = value.frequency === "COUPON_FREQUENCY_REPEATING";
  return {
    code: value.code.trim(),
    name: value.name.trim(),
    frequency: value.frequency,
    ...(value.kind === "percent"
      ? { percent: decimalText(value.percent) }
      : { amount: { amount: decimalText(value.amount), currency: value.currency.trim() } }),
    ...(repeating ? { periods: counted(value.periods, "coupon.periods", 1) } : {}),
    rates: value.rates,
    ...(value.until ? { redeemUntilTime: new Date(value.until).toISOString() } : {}),
    ...(value.most.trim() ? { maxRedemptions: counted(value.most, "coupon.max_redemptions", 1) } : {}),
  };
}

function counted(text: string, field: string, least: number): number {
  const count = typedCount(text);
  if (count === undefined || count < least) {
    throw new Problem(400, "COUPON_INVALID", "", [{ field, description: field }]);
  }
  return count;
}
