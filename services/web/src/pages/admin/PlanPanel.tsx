import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { planName, usePlans } from "../../api/plan.ts";
import type { Plan } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PlanCards } from "../start/PlanCards.tsx";
import watch from "../watch/watch.module.css";

/** The plan held, and the others to move to. */
export function PlanPanel() {
  const t = useText();
  const refresh = useRefresh("tenant", "entitlements", "invoicePreview", "usageRecords", "notices");
  const tenant = useQuery({ queryKey: ["tenant"], queryFn: () => ask(api.GET("/v1/tenant")) });
  const plans = usePlans();
  const [wanted, setWanted] = useState<Plan>();
  const held = tenant.data?.planId;
  const had = plans.data?.plans?.find((plan) => plan.planId === held)?.features ?? [];
  const lost = wanted ? had.filter((feature) => !wanted.features?.includes(feature)) : [];
  useEffect(() => {
    // The page above is made of what is still read, so the browser's own jump comes too early.
    if (plans.data && location.hash === "#plans") document.getElementById("plans")?.scrollIntoView();
  }, [plans.data]);
  const change = async (planId: string) => {
    await ask(api.POST("/v1/tenant:changePlan", { body: { requestId: newRequestId(), planId } }));
    await refresh();
  };
  return (
    <section id="plans" aria-label={t("billing.plan")}>
      <h2 className={watch.title}>{t("billing.plan")}</h2>
      <PlanCards
        plans={plans.data?.plans ?? []}
        chosen={held}
        action={(plan) => (
          <Button
            fullWidth
            variant={plan.planId === held ? "light" : "default"}
            disabled={plan.planId === held}
            onClick={() => setWanted(plan)}
            data-testid={`plan-${plan.planId}`}
          >
            {plan.planId === held ? t("billing.planHeld") : t("billing.planChange")}
          </Button>
        )}
      />
      <Confirm
        opened={wanted !== undefined}
        title={t("billing.planTo", { plan: planName(wanted) })}
        body={
          lost.length === 0
            ? t("billing.planBody")
            : `${t("billing.planBody")} ${t("billing.planLoses", { features: lost.map((each) => textOr("feature", each)).join(", ") })}`
        }
        confirm={t("billing.planChange")}
        onClose={() => setWanted(undefined)}
        onConfirm={() => change(wanted?.planId ?? "")}
      />
    </section>
  );
}
