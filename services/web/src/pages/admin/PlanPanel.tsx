import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { HeldSubscription, Plan } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { PlanCards } from "../start/PlanCards.tsx";
import { useRefreshOn } from "../watch/useRefreshOn.ts";
import watch from "../watch/watch.module.css";
import { AddOns } from "./plan/AddOns.tsx";
import { BeginAgain } from "./plan/BeginAgain.tsx";
import { Given } from "./plan/Given.tsx";
import { MoveDialog } from "./plan/MoveDialog.tsx";
import { Standing } from "./plan/Standing.tsx";

type Interval = NonNullable<Plan["interval"]>;

/** The subscription: what is held, what waits, the plans to move to with what a move costs, add-ons, pausing, ending. */
export function PlanPanel() {
  const t = useText();
  const refresh = useRefresh(
    "subscription",
    "offers",
    "tenant",
    "entitlements",
    "standing",
    "invoicePreview",
    "usageRecords",
    "notices",
  );
  const held = useQuery({ queryKey: ["subscription"], queryFn: () => ask(api.GET("/v1/subscription")) });
  const offers = useQuery({ queryKey: ["offers"], queryFn: () => ask(api.GET("/v1/subscription/offers")) });
  useRefreshOn(["subscription"], "SubscriptionChanged");
  useEffect(() => {
    // The page above is made of what is still read, so the browser's own jump comes too early.
    if (held.data && offers.data && location.hash === "#plans")
      document.getElementById("plans")?.scrollIntoView();
  }, [held.data, offers.data]);
  const problem = held.error ?? offers.error;
  return (
    <section id="plans" aria-label={t("subscription.title")}>
      <h2 className={watch.title}>{t("subscription.title")}</h2>
      {problem ? (
        <ProblemNote problem={problem} onRetry={() => void refresh()} />
      ) : held.data && offers.data ? (
        <Held
          held={held.data}
          plans={offers.data.plans ?? []}
          addOns={offers.data.addOns ?? []}
          onDone={refresh}
        />
      ) : (
        <Loading />
      )}
    </section>
  );
}

interface HeldProps {
  held: HeldSubscription;
  plans: readonly Plan[];
  addOns: HeldSubscription["addOns"];
  onDone: () => Promise<void>;
}

function Held({ held, plans, addOns = [], onDone }: HeldProps) {
  const t = useText();
  const { subscription = {}, plan = {} } = held;
  const [wanted, setWanted] = useState<Plan>();
  const [interval, setInterval] = useState<Interval>(plan.interval ?? "BILLING_INTERVAL_MONTH");
  const ended = subscription.state === "SUBSCRIPTION_STATE_CANCELLED";
  const usable =
    subscription.state === "SUBSCRIPTION_STATE_ACTIVE" || subscription.state === "SUBSCRIPTION_STATE_TRIAL";
  const intervals = new Set(plans.map((each) => each.interval));
  const shown = intervals.size > 1 ? plans.filter((each) => each.interval === interval) : plans;
  const isHeld = (each: Plan) => !ended && each.planId === plan.planId;
  // What is held is priced by the version held, and can be given up although it isn't sold any more.
  const mine = held.addOns ?? [];
  const others = addOns.filter((each) => mine.every((own) => own.addOnId !== each.addOnId));
  const extras = usable ? [...mine, ...others] : mine;
  return (
    <div className={watch.stack}>
      <Standing held={held} onMove={setWanted} onDone={onDone} />
      <Given
        plans={plans}
        addOnIds={addOns.map((each) => each.addOnId ?? "")}
        onMove={usable ? setWanted : undefined}
      />
      <div>
        <h3 className={watch.title}>{t("subscription.plans")}</h3>
        {intervals.size > 1 && (
          <SegmentedControl
            mb="md"
            aria-label={t("subscription.interval")}
            value={interval}
            onChange={(value) => setInterval(value as Interval)}
            data={[
              { value: "BILLING_INTERVAL_MONTH", label: t("subscription.monthly") },
              { value: "BILLING_INTERVAL_YEAR", label: t("subscription.yearly") },
            ]}
            data-testid="plan-interval"
          />
        )}
        <PlanCards
          plans={shown}
          chosen={ended ? undefined : plan.planId}
          action={(each) => (
            <Button
              fullWidth
              variant={isHeld(each) ? "light" : "default"}
              disabled={isHeld(each) || !(usable || ended)}
              onClick={() => setWanted(each)}
              data-testid={`plan-${each.planId}`}
            >
              {isHeld(each) ? t("billing.planHeld") : t(ended ? "subscription.begin" : "billing.planChange")}
            </Button>
          )}
        />
      </div>
      {extras.length > 0 && (
        <AddOns addOns={extras} subscription={subscription} onlyFewer={!usable} onDone={onDone} />
      )}
      {wanted &&
        (ended ? (
          <BeginAgain
            plan={wanted}
            subscription={subscription}
            onClose={() => setWanted(undefined)}
            onDone={onDone}
          />
        ) : (
          <MoveDialog
            plan={wanted}
            subscription={subscription}
            onClose={() => setWanted(undefined)}
            onDone={onDone}
          />
        ))}
    </div>
  );
}
