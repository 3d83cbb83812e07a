import { MultiSelect, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Problem } from "../../../api/problem.ts";
import type { AddOn, AddOnOverview } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { Section } from "../../admin/Section.tsx";
import { FeatureFields, LimitFields, MoneyField, TextsFields } from "./fields.tsx";
import { CurrencyField, IntervalField, idFault } from "./PlanForm.tsx";

interface Props {
  overview: AddOnOverview | undefined;
  features: readonly string[];
  planIds: readonly string[];
  onClose: () => void;
  onDone: () => Promise<void>;
}

const FIRST: AddOn = {
  currency: "EUR",
  interval: "BILLING_INTERVAL_MONTH",
  names: {},
  summaries: {},
  limits: {},
  features: [],
  planIds: [],
};

/** An add-on's draft. What is wrong with it is said when it is saved. */
export function AddOnForm({ overview, features, planIds, onClose, onDone }: Props) {
  const t = useText();
  const isNew = overview === undefined;
  const [addOn, setAddOn] = useState<AddOn>(overview?.addOn ?? FIRST);
  const [addOnId, setAddOnId] = useState(addOn.addOnId ?? "");
  const [requestId] = useState(newRequestId);
  const change = (part: Partial<AddOn>) => setAddOn((before) => ({ ...before, ...part }));
  const save = async () => {
    await (isNew
      ? ask(api.POST("/v1/operator/addOns", { body: { requestId, addOnId, addOn } }))
      : ask(
          api.PATCH("/v1/operator/addOns/{addOn.addOnId}", {
            params: { path: { "addOn.addOnId": addOnId } },
            body: { addOn, revision: overview.revision },
          } as never),
        )
    ).finally(onDone);
    toast(t("plans.saved"));
  };
  return (
    <FormModal
      title={isNew ? t("plans.newAddOn") : t("plans.edit")}
      saveLabel={t("plans.saveDraft")}
      onClose={onClose}
      onSave={save}
      size="xl"
      testId="add-on-form"
    >
      {(problem) => {
        const faultOf = (path: string) => saidOf(problem, path);
        return (
          <Stack gap="lg">
            <TextInput
              label={t("plans.form.id")}
              description={t("plans.form.idHint")}
              required
              disabled={!isNew}
              dir="ltr"
              value={addOnId}
              error={idFault(problem)}
              onChange={(event) => setAddOnId(event.currentTarget.value.trim())}
              data-testid="add-on-id"
            />
            <TextsFields at="add_on" item={addOn} faultOf={faultOf} onChange={change} />
            <SimpleGrid cols={{ base: 1, xs: 3 }}>
              <MoneyField
                label={t("plans.form.fee")}
                value={addOn.price}
                error={faultOf("add_on.price")}
                onChange={(price) => change({ price })}
                testId="add-on-price"
              />
              <CurrencyField
                value={addOn.currency ?? ""}
                error={faultOf("add_on.currency")}
                onChange={(currency) => change({ currency })}
              />
              <IntervalField value={addOn.interval} onChange={(interval) => change({ interval })} />
            </SimpleGrid>
            <Section title={t("plans.form.addedLimits")}>
              <LimitFields
                at="add_on"
                limits={addOn.limits ?? {}}
                faultOf={faultOf}
                onChange={(limits) => change({ limits })}
              />
            </Section>
            <Section title={t("plans.form.features")}>
              <FeatureFields
                features={features}
                value={addOn.features ?? []}
                onChange={(chosen) => change({ features: chosen })}
              />
            </Section>
            <MultiSelect
              label={t("plans.form.plansFor")}
              data={[...planIds]}
              value={addOn.planIds ?? []}
              onChange={(chosen) => change({ planIds: chosen })}
            />
          </Stack>
        );
      }}
    </FormModal>
  );
}

function saidOf(problem: Problem | undefined, path: string): string | undefined {
  return problem?.fields.find(({ field }) => field === path)?.description;
}
