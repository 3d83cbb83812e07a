import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Plan } from "../../api/types.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PlanCards, planName } from "../start/PlanCards.tsx";
import watch from "../watch/watch.module.css";

/** The plan held, and the others to move to. */
export function PlanPanel() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("tenant", "invoicePreview", "usageRecords", "notices");
  const tenant = useQuery({ queryKey: ["tenant"], queryFn: () => ask(api.GET("/v1/tenant")) });
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: () => ask(api.GET("/v1/plans")),
    staleTime: 60_000,
  });
  const [wanted, setWanted] = useState<Plan>();
  const held = tenant.data?.planId;
  const change = async (planId: string) => {
    await ask(api.POST("/v1/tenant:changePlan", { body: { requestId: newRequestId(), planId } }));
    await refresh();
  };
  return (
    <section aria-label={t("billing.plan")}>
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
        title={t("billing.planTo", { plan: planName(wanted, language) })}
        body={t("billing.planBody")}
        confirm={t("billing.planChange")}
        onClose={() => setWanted(undefined)}
        onConfirm={() => change(wanted?.planId ?? "")}
      />
    </section>
  );
}
