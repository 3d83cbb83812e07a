import { Button, Group, NumberInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { AddOn, Limits, Subscription } from "../../../api/types.ts";
import { formatMoney, formatNumber } from "../../../format/numbers.ts";
import { type Language, textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { per } from "../../start/PlanCards.tsx";
import watch from "../../watch/watch.module.css";
import classes from "./plan.module.css";

const MOST = 1000;

interface Props {
  addOns: readonly AddOn[];
  subscription: Subscription;
  /** Paused or ended: what is held can be given up, and no more be had. */
  onlyFewer: boolean;
  onDone: () => Promise<void>;
}

/** Add-ons held and those that go with the plan, and how many of each. */
export function AddOns({ addOns, ...rest }: Props) {
  const t = useText();
  return (
    <Panel label={t("subscription.addOns")} testId="add-ons">
      <h3 id="add-ons" className={watch.title}>
        {t("subscription.addOns")}
      </h3>
      <ul className={classes.addOns}>
        {addOns.map((addOn) => (
          <Offer key={addOn.addOnId} addOn={addOn} {...rest} />
        ))}
      </ul>
    </Panel>
  );
}

function Offer({ addOn, subscription, onlyFewer, onDone }: { addOn: AddOn } & Omit<Props, "addOns">) {
  const t = useText();
  const language = useLanguage();
  const id = addOn.addOnId ?? "";
  const held = subscription.addOns?.find((each) => each.addOnId === id && !each.endTime)?.quantity ?? 0;
  const [count, setCount] = useState<number>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const wanted = count ?? held;
  const name = addOnName(addOn, language);
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const params = { path: { addOnId: id } };
    const body = { requestId: newRequestId(), quantity: wanted, version: subscription.version };
    try {
      await ask(api.POST("/v1/subscription/addOns/{addOnId}:set", { params, body }));
      setCount(undefined);
      toast(t("subscription.addOns.done", { name, count: formatNumber(wanted, language) }));
    } catch (error) {
      setProblem(error);
    } finally {
      await onDone();
      setBusy(false);
    }
  };
  return (
    <li data-testid={`add-on-${id}`}>
      <div className={classes.addOnText}>
        <h4>{name}</h4>
        <p className={classes.small}>{addOn.summaries?.[language] ?? addOn.summaries?.en}</p>
        <p className={classes.small}>{t("subscription.addOns.gives", { what: gives(addOn, language) })}</p>
        {addOn.price?.amount && (
          <span className="m-figures">
            {formatMoney(addOn.price.amount, addOn.currency ?? "", language)} {per(addOn, t)}
          </span>
        )}
        <ProblemNote problem={problem} />
      </div>
      <Group gap="xs" wrap="nowrap">
        <NumberInput
          aria-label={t("subscription.addOns.quantity", { name })}
          min={0}
          max={onlyFewer ? held : MOST}
          allowDecimal={false}
          clampBehavior="strict"
          w={96}
          value={wanted}
          onChange={(value) => setCount(Number(value))}
          data-testid={`add-on-${id}-quantity`}
        />
        <Button
          variant="default"
          disabled={wanted === held}
          loading={busy}
          onClick={() => void save()}
          aria-label={`${t("subscription.addOns.save")}: ${name}`}
          data-testid={`add-on-${id}-save`}
        >
          {t("subscription.addOns.save")}
        </Button>
      </Group>
    </li>
  );
}

function addOnName(addOn: AddOn, language: Language): string {
  return addOn.names?.[language] ?? addOn.names?.en ?? addOn.addOnId ?? "";
}

/** "Calls at the same time: 10, Audit log". */
function gives(addOn: AddOn, language: Language): string {
  const limits = Object.entries((addOn.limits ?? {}) as Limits)
    .filter(([, value]) => Number(value) > 0)
    .map(([name, value]) => `${textOr("limits", name)}: ${formatNumber(Number(value), language)}`);
  const features = (addOn.features ?? []).map((feature) => textOr("feature", feature));
  return [...limits, ...features].join(", ");
}
