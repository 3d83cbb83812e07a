import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { fieldProblem } from "../../../api/problem.ts";
import type { BillingProfile, LegalEntity } from "../../../api/types.ts";
import { latinDigits } from "../../../format/numbers.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";

interface Props {
  tenantId: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Who bills a company, and how many days it has to pay: of invoices that are finalized from now on. */
export function TermsForm({ tenantId, onClose, onDone }: Props) {
  const path = { tenantId };
  const { data: profile } = useQuery({
    queryKey: ["tenantBillingProfile", tenantId],
    queryFn: () => ask(api.GET("/v1/operator/tenants/{tenantId}/billingProfile", { params: { path } })),
  });
  const { data: entities } = useQuery({
    queryKey: ["legalEntities"],
    queryFn: async () => (await ask(api.GET("/v1/operator/legalEntities"))).legalEntities ?? [],
  });
  if (!profile || !entities) return null;
  return (
    <Terms tenantId={tenantId} profile={profile} entities={entities} onClose={onClose} onDone={onDone} />
  );
}

function Terms(props: Props & { profile: BillingProfile; entities: readonly LegalEntity[] }) {
  const t = useText();
  const { tenantId, profile, entities, onClose, onDone } = props;
  const [days, setDays] = useState(String(profile.paymentTermsDays ?? 0));
  const [legalEntityId, setEntity] = useState(profile.legalEntityId ?? "");
  const save = async () => {
    const body = {
      legalEntityId,
      paymentTermsDays: Number(latinDigits(days.trim())),
      version: profile.version,
    };
    const address = "/v1/operator/tenants/{tenantId}/billingProfile:setTerms";
    await ask(api.POST(address, { params: { path: { tenantId } }, body }));
    await onDone();
  };
  return (
    <FormModal title={t("terms.title")} onClose={onClose} onSave={save} testId="terms">
      {(problem) => (
        <>
          <p style={{ margin: 0 }}>{t("terms.hint")}</p>
          <TextField
            label={t("terms.days")}
            required
            inputMode="numeric"
            data-autofocus
            value={days}
            error={fieldProblem(problem, "payment_terms_days")}
            onChange={(event) => setDays(event.currentTarget.value)}
            data-testid="terms-days"
          />
          <Select
            label={t("terms.entity")}
            data={[
              { value: "", label: t("terms.default") },
              ...entities.map((each) => ({ value: each.legalEntityId ?? "", label: each.name ?? "" })),
            ]}
            value={legalEntityId}
            allowDeselect={false}
            onChange={(next) => setEntity(next ?? "")}
            data-testid="terms-entity"
          />
        </>
      )}
    </FormModal>
  );
}
