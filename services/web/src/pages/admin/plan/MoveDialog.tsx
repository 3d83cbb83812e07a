import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { planName } from "../../../api/plan.ts";
import type { Money, Plan, PlanMove, Subscription } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatMoney, formatNumber } from "../../../format/numbers.ts";
import { type Language, textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "./plan.module.css";

interface Props {
  plan: Plan;
  subscription: Subscription;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** What moving to a plan means and costs, before it is confirmed. Every amount is the server's own. */
export function MoveDialog({ plan, subscription, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [requestId] = useState(newRequestId);
  const planId = plan.planId ?? "";
  const preview = useQuery({
    queryKey: ["planMove", planId, subscription.version],
    queryFn: () => ask(api.GET("/v1/subscription/moves/{planId}", { params: { path: { planId } } })),
    staleTime: 0,
    retry: false,
  });
  const move = preview.data;
  const blocked = !move || (move.misfits ?? []).length > 0 || (move.addOnsLost ?? []).length > 0;
  const save = async () => {
    if (blocked) return false;
    const body = { requestId, planId, version: subscription.version };
    await ask(api.POST("/v1/subscription:move", { body })).finally(onDone);
    const name = planName(plan);
    toast(
      move.atPeriodEnd
        ? t("subscription.move.waits", { plan: name, date: formatDate(move.effectiveTime, language) })
        : t("subscription.move.done", { plan: name }),
    );
    return true;
  };
  return (
    <FormModal
      title={t("subscription.move.title", { plan: planName(plan) })}
      saveLabel={t("subscription.move.confirm")}
      saveDisabled={blocked}
      onClose={onClose}
      onSave={save}
      testId="move"
    >
      {move ? (
        <Meaning move={move} />
      ) : preview.error ? (
        <ProblemNote problem={preview.error} onRetry={() => void preview.refetch()} />
      ) : (
        <Loading />
      )}
    </FormModal>
  );
}

function Meaning({ move }: { move: PlanMove }) {
  const t = useText();
  const language = useLanguage();
  const date = formatDate(move.effectiveTime, language);
  const gained = names(move.featuresGained);
  const lost = names(move.featuresLost);
  const changes = [
    ...(move.limitChanges ?? []).map((change) =>
      t("subscription.move.limit", {
        limit: limitName(change.limit),
        before: formatNumber(change.before ?? 0, language),
        after: formatNumber(change.after ?? 0, language),
      }),
    ),
    ...(gained ? [t("subscription.move.gained", { features: gained })] : []),
    ...(lost ? [t("subscription.move.lost", { features: lost })] : []),
  ];
  return (
    <Stack gap="md">
      <div>{move.atPeriodEnd ? t("subscription.move.later", { date }) : t("subscription.move.now")}</div>
      <Costs move={move} language={language} />
      {changes.length > 0 && (
        <div>
          <strong>{t("subscription.move.limits")}</strong>
          <ul className={classes.changes}>
            {changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        </div>
      )}
      <Misfits move={move} language={language} />
    </Stack>
  );
}

function Costs({ move, language }: { move: PlanMove; language: Language }) {
  const t = useText();
  const money = (amount: Money | undefined) =>
    formatMoney(amount?.amount ?? "0", amount?.currency ?? "", language);
  const next = {
    amount: money(move.nextFee),
    date: formatDate(move.nextFeeTime, language),
  };
  const none = Number(move.charge?.amount) === 0 && Number(move.credit?.amount) === 0;
  return (
    <div>
      <dl className={classes.sum}>
        {!none && (
          <>
            <dt>{t("subscription.move.charge")}</dt>
            <dd className="m-figures">{money(move.charge)}</dd>
            <dt>{t("subscription.move.credit")}</dt>
            <dd className="m-figures">
              <bdi>{money(negated(move.credit))}</bdi>
            </dd>
          </>
        )}
        <dt className={classes.total}>{t("subscription.move.amount")}</dt>
        <dd className={`${classes.total} m-figures`} data-testid="move-amount">
          <bdi>{money(move.amount)}</bdi>
        </dd>
      </dl>
      <p className={classes.small}>
        {Number(move.nextFee?.amount) > 0 && `${t("subscription.move.next", next)}. `}
        {t("subscription.move.taxes")}
      </p>
    </div>
  );
}

function Misfits({ move, language }: { move: PlanMove; language: Language }) {
  const t = useText();
  const misfits = (move.misfits ?? []).map((misfit) =>
    t("subscription.move.misfit", {
      limit: limitName(misfit.limit),
      used: formatNumber(misfit.used ?? 0, language),
      allowed: formatNumber(misfit.allowed ?? 0, language),
    }),
  );
  if (move.addOnsLost?.length)
    misfits.push(t("subscription.move.addOns", { names: move.addOnsLost.join(", ") }));
  if (misfits.length === 0) return null;
  return (
    <Note tone="bad" title={t("subscription.move.noFit")} testId="move-misfits">
      <ul className={classes.changes}>
        {misfits.map((misfit) => (
          <li key={misfit}>{misfit}</li>
        ))}
      </ul>
    </Note>
  );
}

function names(features: readonly string[] | undefined): string {
  return (features ?? []).map((feature) => textOr("feature", feature)).join(", ");
}

/** "max_users" of the server as the pages say it. */
function limitName(limit: string | undefined): string {
  return textOr(
    "limits",
    (limit ?? "").replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  );
}

function negated(money: Money | undefined): Money | undefined {
  const amount = money?.amount ?? "0";
  return Number(amount) === 0 ? money : { ...money, amount: `-${amount}` };
}
