import { Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Tenant } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";

interface Props {
  tenant: Tenant;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Says what a suspension does, and asks for the reason that the company's owner will read. */
export function SuspendForm({ tenant, onClose, onDone }: Props) {
  const t = useText();
  const [reason, setReason] = useState("");
  const [requestId] = useState(newRequestId);
  const name = tenant.displayName ?? "";
  const save = async () => {
    const params = { path: { tenantId: tenant.tenantId ?? "" } };
    const body = { requestId, reason, version: tenant.version };
    await ask(api.POST("/v1/operator/tenants/{tenantId}:suspend", { params, body })).finally(onDone);
    toast(t("operator.suspended", { name }));
  };
  return (
    <FormModal
      title={t("operator.suspendTitle", { name })}
      saveLabel={t("operator.suspend")}
      saveColor="red"
      onClose={onClose}
      onSave={save}
      testId="suspend"
    >
      {(problem) => (
        <>
          <Text>{t("operator.suspendBody")}</Text>
          <Textarea
            label={t("operator.reason")}
            description={t("operator.reasonHint")}
            required
            autosize
            minRows={2}
            maxLength={500}
            data-autofocus
            value={reason}
            error={fieldProblem(problem, "reason")}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-testid="suspend-reason"
          />
        </>
      )}
    </FormModal>
  );
}
