import { Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { planName } from "../../../api/plan.ts";
import type { HeldSubscription, Plan, Subscription } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatMoney } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { Note, Tag, type Tone } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { per } from "../../start/PlanCards.tsx";
import classes from "./plan.module.css";

const TONES: Record<string, Tone> = {
  SUBSCRIPTION_STATE_TRIAL: "info",
  SUBSCRIPTION_STATE_ACTIVE: "good",
  SUBSCRIPTION_STATE_PAUSED: "warn",
  SUBSCRIPTION_STATE_CANCELLED: "bad",
};

interface Props {
  held: HeldSubscription;
  onMove: (plan: Plan) => void;
  onDone: () => Promise<void>;
}

/** What is held and how it stands, what waits for the period's end, and pausing or ending it. */
export function Standing({ held, onMove, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const { subscription = {}, plan = {} } = held;
  const fee = plan.price?.amount
    ? `${formatMoney(plan.price.amount, plan.currency ?? "", language)} ${per(plan, t)}`
    : t("plan.noFee");
  const facts: [string, React.ReactNode][] = [
    [t("subscription.plan"), <bdi key="plan">{planName(plan)}</bdi>],
    [t("subscription.fee"), fee],
    [t("subscription.period"), formatDate(subscription.periodEndTime, language)],
    [t("subscription.since"), formatDate(subscription.startTime, language)],
  ];
  return (
    <Panel testId="subscription">
      <Stack>
        <dl className={classes.facts}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          <div>
            <dt>{t("operator.state")}</dt>
            <dd data-testid="subscription-state">
              <Tag tone={TONES[subscription.state ?? ""] ?? "neutral"}>
                {textOr("subscription.state", subscription.state ?? "")}
              </Tag>
            </dd>
          </div>
        </dl>
        <Waiting held={held} onDone={onDone} />
        {held.newerPlan && subscription.state === "SUBSCRIPTION_STATE_ACTIVE" && (
          <Note testId="newer-plan">
            <Group justify="space-between">
              <span>{t("subscription.newer", { plan: planName(plan) })}</span>
              <Button size="xs" variant="default" onClick={() => held.newerPlan && onMove(held.newerPlan)}>
                {t("subscription.seeNewer")}
              </Button>
            </Group>
          </Note>
        )}
        <Verbs subscription={subscription} onDone={onDone} />
      </Stack>
    </Panel>
  );
}

function Waiting({ held, onDone }: { held: HeldSubscription; onDone: () => Promise<void> }) {
  const t = useText();
  const language = useLanguage();
  const [problem, setProblem] = useState<unknown>();
  const { subscription = {}, pendingPlan } = held;
  const pending = subscription.pendingChange;
  const date = (value: string | undefined) => formatDate(value, language);
  const undo = async () => {
    setProblem(undefined);
    const body = { requestId: newRequestId(), version: subscription.version };
    try {
      await ask(api.POST("/v1/subscription:undo", { body }));
      toast(t("subscription.undone"));
    } catch (error) {
      setProblem(error);
    } finally {
      await onDone();
    }
  };
  return (
    <>
      {subscription.state === "SUBSCRIPTION_STATE_TRIAL" && (
        <Note testId="trial-note">
          {t("subscription.trialEnds", { date: date(subscription.trialEndTime) })}
        </Note>
      )}
      {subscription.state === "SUBSCRIPTION_STATE_PAUSED" && (
        <Note tone="warn" testId="paused-note">
          {t("subscription.pausedNote", { date: date(subscription.pauseTime) })}
        </Note>
      )}
      {subscription.state === "SUBSCRIPTION_STATE_CANCELLED" && (
        <Note tone="bad" testId="ended-note">
          {t("subscription.endedNote", { date: date(subscription.cancelTime) })}
        </Note>
      )}
      {pending && (
        <Note tone="warn" testId="pending-change">
          <Group justify="space-between">
            <span>
              {pendingPlan
                ? t("subscription.willMove", {
                    date: date(pending.effectiveTime),
                    plan: planName(pendingPlan),
                  })
                : t("subscription.willEnd", { date: date(pending.effectiveTime) })}
            </span>
            <Button size="xs" variant="default" onClick={() => void undo()} data-testid="undo-pending">
              {t("subscription.undo")}
            </Button>
          </Group>
        </Note>
      )}
      <ProblemNote problem={problem} />
    </>
  );
}

function Verbs({ subscription, onDone }: { subscription: Subscription; onDone: () => Promise<void> }) {
  const t = useText();
  const [asking, setAsking] = useState<"pause" | "cancel">();
  const [problem, setProblem] = useState<unknown>();
  const paused = subscription.state === "SUBSCRIPTION_STATE_PAUSED";
  if (subscription.state === "SUBSCRIPTION_STATE_CANCELLED") return null;
  const body = () => ({ requestId: newRequestId(), version: subscription.version });
  const resume = async () => {
    setProblem(undefined);
    try {
      await ask(api.POST("/v1/subscription:resume", { body: body() }));
      toast(t("subscription.resumed"));
    } catch (error) {
      setProblem(error);
    } finally {
      await onDone();
    }
  };
  return (
    <>
      <ProblemNote problem={problem} />
      <Group>
        {paused ? (
          <Button onClick={() => void resume()} data-testid="resume-subscription">
            {t("subscription.resume")}
          </Button>
        ) : (
          <Button variant="default" onClick={() => setAsking("pause")} data-testid="pause-subscription">
            {t("subscription.pause")}
          </Button>
        )}
        <Button
          variant="subtle"
          color="red"
          onClick={() => setAsking("cancel")}
          data-testid="cancel-subscription"
        >
          {t("subscription.cancel")}
        </Button>
      </Group>
      <Confirm
        opened={asking === "pause"}
        title={t("subscription.pauseTitle")}
        body={t("subscription.pauseBody")}
        confirm={t("subscription.pause")}
        onClose={() => setAsking(undefined)}
        onConfirm={() => ask(api.POST("/v1/subscription:pause", { body: body() })).finally(onDone)}
      />
      {asking === "cancel" && (
        <CancelForm subscription={subscription} onClose={() => setAsking(undefined)} onDone={onDone} />
      )}
    </>
  );
}

interface CancelProps {
  subscription: Subscription;
  onClose: () => void;
  onDone: () => Promise<void>;
}

function CancelForm({ subscription, onClose, onDone }: CancelProps) {
  const t = useText();
  const language = useLanguage();
  const paused = subscription.state === "SUBSCRIPTION_STATE_PAUSED";
  const [when, setWhen] = useState(paused ? "now" : "end");
  const [requestId, setRequestId] = useState(newRequestId);
  const date = formatDate(subscription.periodEndTime, language);
  const save = () => {
    const body = { requestId, now: when === "now", version: subscription.version };
    return ask(api.POST("/v1/subscription:cancel", { body })).finally(onDone);
  };
  const choose = (value: string) => {
    setWhen(value);
    setRequestId(newRequestId()); // another wish
  };
  return (
    <FormModal
      title={t("subscription.cancelTitle")}
      saveLabel={t("subscription.cancel")}
      saveColor="red"
      onClose={onClose}
      onSave={save}
      testId="cancel"
    >
      <Text>{t("subscription.cancelBody")}</Text>
      <SegmentedControl
        orientation="vertical"
        fullWidth
        aria-label={t("subscription.cancelTitle")}
        value={when}
        onChange={choose}
        data={[
          { value: "end", label: t("subscription.cancelAtEnd", { date }), disabled: paused },
          { value: "now", label: t("subscription.cancelNow") },
        ]}
        data-testid="cancel-when"
      />
    </FormModal>
  );
}
