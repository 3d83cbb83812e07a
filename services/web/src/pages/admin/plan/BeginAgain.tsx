import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { planName } from "../../../api/plan.ts";
import type { Plan, Subscription } from "../../../api/types.ts";
import { formatMoney } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { per } from "../../start/PlanCards.tsx";

interface Props {
  plan: Plan;
  subscription: Subscription;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Beginning anew with a plan after an end. */
export function BeginAgain({ plan, subscription, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const body = { requestId, planId: plan.planId, version: subscription.version };
    await ask(api.POST("/v1/subscription:reactivate", { body })).finally(onDone);
    toast(t("subscription.begun"));
  };
  return (
    <FormModal
      title={t("subscription.move.title", { plan: planName(plan) })}
      saveLabel={t("subscription.begin")}
      onClose={onClose}
      onSave={save}
      testId="begin"
    >
      <div>{t("subscription.beginBody")}</div>
      {plan.price?.amount && (
        <strong className="m-figures">
          {formatMoney(plan.price.amount, plan.currency ?? "", language)} {per(plan, t)}
        </strong>
      )}
    </FormModal>
  );
}
