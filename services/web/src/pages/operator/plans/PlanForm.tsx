import { NumberInput, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Problem } from "../../../api/problem.ts";
import type { Plan, PlanOverview } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { Note } from "../../../ui/Note.tsx";
import { Section } from "../../admin/Section.tsx";
import { PlanCard } from "../../start/PlanCards.tsx";
import { usePlanFaults } from "./faults.ts";
import { FeatureFields, LimitFields, MoneyField, TextsFields } from "./fields.tsx";
import classes from "./plans.module.css";
import { RatesFields } from "./RateFields.tsx";
import { meterChoices } from "./rates.ts";

interface Props {
  overview: PlanOverview | undefined;
  meters: readonly string[];
  features: readonly string[];
  onClose: () => void;
  onDone: () => Promise<void>;
}

const INTERVALS = ["BILLING_INTERVAL_MONTH", "BILLING_INTERVAL_YEAR"] as const;
const FIRST: Plan = {
  currency: "EUR",
  tier: 1,
  interval: "BILLING_INTERVAL_MONTH",
  names: {},
  summaries: {},
  limits: { maxUsers: 5, maxConcurrentCalls: 3, maxNumbers: 2, maxBrands: 1, recordingRetentionDays: 30 },
  features: [],
  softLimits: [],
  rates: [],
};

/** A plan's draft: everything it says, what the server finds wrong with it, and how customers will see it. */
export function PlanForm({ overview, meters, features, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const isNew = overview === undefined;
  const [plan, setPlan] = useState<Plan>(overview?.plan ?? FIRST);
  const own = useQuery({ queryKey: ["meters"], queryFn: () => ask(api.GET("/v1/meters")) });
  const [planId, setPlanId] = useState(plan.planId ?? "");
  const [requestId] = useState(newRequestId);
  const { faultOf, count } = usePlanFaults(isNew ? plan : { ...plan });
  const change = (part: Partial<Plan>) => setPlan((before) => ({ ...before, ...part }));
  const save = async () => {
    if (count > 0) return false;
    const path = { path: { planId } };
    await (isNew
      ? ask(api.POST("/v1/operator/plans", { body: { requestId, planId, plan } }))
      : ask(
          api.PATCH("/v1/operator/plans/{plan.planId}", {
            params: { path: { "plan.planId": path.path.planId } },
            body: { plan, revision: overview.revision },
          } as never),
        )
    ).finally(onDone);
    toast(t("plans.saved"));
    return true;
  };
  return (
    <FormModal
      title={isNew ? t("plans.new") : t("plans.edit")}
      saveLabel={t("plans.saveDraft")}
      saveDisabled={count > 0}
      onClose={onClose}
      onSave={save}
      size="72rem"
      testId="plan-form"
    >
      {(problem) => (
        <div className={classes.columns}>
          <Stack gap="lg">
            <What plan={plan} faultOf={faultOf} onChange={change}>
              <TextInput
                label={t("plans.form.id")}
                description={t("plans.form.idHint")}
                required
                disabled={!isNew}
                dir="ltr"
                value={planId}
                error={idFault(problem)}
                onChange={(event) => setPlanId(event.currentTarget.value.trim())}
                data-testid="plan-id"
              />
              {isNew && (
                <TextInput
                  label={t("plans.form.company")}
                  description={t("plans.form.companyHint")}
                  dir="ltr"
                  value={plan.tenantId ?? ""}
                  error={faultOf("plan.tenant_id")}
                  onChange={(event) => change({ tenantId: event.currentTarget.value.trim() })}
                />
              )}
            </What>
            <Section title={t("plans.form.limits")}>
              <LimitFields
                at="plan"
                limits={plan.limits ?? {}}
                soft={plan.softLimits ?? []}
                faultOf={faultOf}
                onChange={(limits) => change({ limits })}
                onSoft={(softLimits) => change({ softLimits })}
              />
            </Section>
            <Section title={t("plans.form.features")}>
              <FeatureFields
                features={features}
                value={plan.features ?? []}
                onChange={(chosen) => change({ features: chosen })}
              />
            </Section>
            <Section title={t("plans.form.rates")}>
              <RatesFields
                rates={plan.rates ?? []}
                meters={meterChoices(meters, own.data?.meters ?? [], language)}
                faultOf={faultOf}
                onChange={(rates) => change({ rates })}
              />
            </Section>
          </Stack>
          <div className={classes.preview}>
            <h3 style={{ marginTop: 0, fontSize: "1rem" }}>{t("plans.form.preview")}</h3>
            <PlanCard plan={plan} />
            {count > 0 && (
              <div style={{ marginTop: 12 }}>
                <Note tone="warn" live testId="plan-faults">
                  {t("plans.form.faults", { count, number: formatNumber(count, language) })}
                </Note>
              </div>
            )}
          </div>
        </div>
      )}
    </FormModal>
  );
}

interface WhatProps {
  plan: Plan;
  faultOf: (path: string) => string | undefined;
  onChange: (part: Partial<Plan>) => void;
  children: React.ReactNode;
}

function What({ plan, faultOf, onChange, children }: WhatProps) {
  const t = useText();
  return (
    <Section title={t("plans.form.what")}>
      <Stack>
        {children}
        <TextsFields at="plan" item={plan} faultOf={faultOf} onChange={onChange} />
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
          <MoneyField
            label={t("plans.form.fee")}
            description={t("plans.form.feeHint")}
            value={plan.price}
            error={faultOf("plan.price")}
            onChange={(price) => onChange({ price })}
            testId="plan-price"
          />
          <CurrencyField
            value={plan.currency ?? ""}
            error={faultOf("plan.currency")}
            onChange={(currency) => onChange({ currency })}
          />
          <IntervalField value={plan.interval} onChange={(interval) => onChange({ interval })} />
          <NumberInput
            label={t("plans.form.tier")}
            description={t("plans.form.tierHint")}
            allowDecimal={false}
            value={plan.tier ?? 0}
            error={faultOf("plan.tier")}
            onChange={(value) => onChange({ tier: Number(value) })}
          />
          <NumberInput
            label={t("plans.form.trial")}
            allowDecimal={false}
            value={plan.trialDays ?? 0}
            error={faultOf("plan.trial_days")}
            onChange={(value) => onChange({ trialDays: Number(value) })}
            data-testid="plan-trial"
          />
          <MoneyField
            label={t("plans.form.minimum")}
            value={plan.minimum}
            error={faultOf("plan.minimum")}
            onChange={(minimum) => onChange({ minimum })}
          />
        </SimpleGrid>
      </Stack>
    </Section>
  );
}

interface CurrencyProps {
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

export function CurrencyField({ value, error, onChange }: CurrencyProps) {
  const t = useText();
  return (
    <TextInput
      label={t("plans.form.currency")}
      dir="ltr"
      maxLength={3}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value.toUpperCase())}
      data-testid="plan-currency"
    />
  );
}

interface IntervalProps {
  value: Plan["interval"];
  onChange: (value: Plan["interval"]) => void;
}

export function IntervalField({ value, onChange }: IntervalProps) {
  const t = useText();
  return (
    <Select
      label={t("plans.form.interval")}
      data={INTERVALS.map((each) => ({ value: each, label: textOr("plans.form", each) }))}
      value={value ?? "BILLING_INTERVAL_MONTH"}
      allowDeselect={false}
      onChange={(next) => onChange(next as Plan["interval"])}
      data-testid="plan-interval"
    />
  );
}

/** The server names the id without a plan before it; what is wrong with it is one thing alone. */
export function idFault(problem: Problem | undefined): string | undefined {
  const wrong = problem?.fields.some(({ field }) => ["plan_id", "add_on_id"].includes(field));
  return wrong ? textOr("plans.fault", "ID") : undefined;
}
