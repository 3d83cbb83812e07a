import { NumberInput, Select, SimpleGrid, Stack } from "@mantine/core";
import { optionsOf } from "../../../api/names.ts";
import type { Problem } from "../../../api/problem.ts";
import type { CallbackRules } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { useText } from "../../../i18n/index.ts";
import { useHours, usePrompts } from "../../flows/useFlow.ts";
import { LengthField } from "./LengthField.tsx";
import { saidOf } from "./places.ts";

const LEAVES_MESSAGE = "CALLBACK_MACHINE_ACTION_LEAVE_MESSAGE";
const ACTIONS = ["HANG_UP", "LEAVE_MESSAGE", "CONNECT"] as const;

const CUSTOMER_FIRST = "CALLBACK_ORDER_CUSTOMER_FIRST";
const ORDERS = ["AGENT_FIRST", "CUSTOMER_FIRST"] as const;

type Length = "offerOver" | "retryAfter" | "timeToLive" | "ringTimeout";

/** Seconds an unset length means. */
const USUAL: Record<Length, number> = {
  offerOver: 120,
  retryAfter: 900,
  timeToLive: 86_400,
  ringTimeout: 30,
};

interface Props {
  rules: CallbackRules;
  problem: Problem | undefined;
  onChange: (part: Partial<CallbackRules>) => void;
}

/** When customers are offered to be called back, who is rung first, and how that is tried. */
export function CallbackFields({ rules, problem, onChange }: Props) {
  const t = useText();
  const prompts = usePrompts().data ?? [];
  const hours = useHours().data ?? [];
  const seconds = (length: Length) =>
    rules[length] === undefined ? USUAL[length] : durationSeconds(rules[length]);
  const leaves = rules.onMachine === LEAVES_MESSAGE;
  const chooseAction = (action: CallbackRules["onMachine"]) =>
    onChange({ onMachine: action, ...(action === LEAVES_MESSAGE ? {} : { messagePromptId: "" }) });
  const first = rules.order === CUSTOMER_FIRST;
  const chooseOrder = (order: CallbackRules["order"]) =>
    onChange({ order, ...(order === CUSTOMER_FIRST ? {} : { greetingPromptId: "" }) });
  return (
    <Stack>
      <Select
        label={t("callbackRules.order")}
        description={t(first ? "callbackRules.CUSTOMER_FIRSTHint" : "callbackRules.AGENT_FIRSTHint")}
        data={ORDERS.map((each) => ({ value: `CALLBACK_ORDER_${each}`, label: t(`callbackRules.${each}`) }))}
        allowDeselect={false}
        value={first ? CUSTOMER_FIRST : "CALLBACK_ORDER_AGENT_FIRST"}
        error={saidOf(problem, "callbacks.order")}
        onChange={(value) => chooseOrder(value as CallbackRules["order"])}
        data-testid="callback-order"
      />
      {first && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <LengthField
            label={t("callbackRules.ringTimeout")}
            seconds={seconds("ringTimeout")}
            units={["seconds", "minutes"]}
            error={saidOf(problem, "callbacks.ring_timeout")}
            onChange={(value) => onChange({ ringTimeout: toDuration(value) })}
            testId="callback-ring-timeout"
          />
          <Select
            label={t("callbackRules.greeting")}
            placeholder={t("callbackRules.greetingUsual")}
            clearable
            data={optionsOf(prompts, "promptId")}
            value={rules.greetingPromptId || null}
            error={saidOf(problem, "callbacks.greeting_prompt_id")}
            onChange={(promptId) => onChange({ greetingPromptId: promptId ?? "" })}
            data-testid="callback-greeting"
          />
        </SimpleGrid>
      )}
      <LengthField
        label={t("callbackRules.offerOver")}
        description={t("callbackRules.offerOverHint")}
        seconds={seconds("offerOver")}
        error={saidOf(problem, "callbacks.offer_over")}
        onChange={(value) => onChange({ offerOver: toDuration(value) })}
        testId="callback-offer-over"
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <NumberInput
          label={t("callbackRules.attempts")}
          min={1}
          max={10}
          allowDecimal={false}
          value={rules.attempts || 3}
          error={saidOf(problem, "callbacks.attempts")}
          onChange={(value) => onChange({ attempts: Number(value) })}
          data-testid="callback-attempts"
        />
        <LengthField
          label={t("callbackRules.retryAfter")}
          seconds={seconds("retryAfter")}
          units={["minutes", "hours"]}
          error={saidOf(problem, "callbacks.retry_after")}
          onChange={(value) => onChange({ retryAfter: toDuration(value) })}
          testId="callback-retry-after"
        />
      </SimpleGrid>
      <LengthField
        label={t("callbackRules.timeToLive")}
        description={t("callbackRules.timeToLiveHint")}
        seconds={seconds("timeToLive")}
        units={["minutes", "hours", "days"]}
        error={saidOf(problem, "callbacks.time_to_live")}
        onChange={(value) => onChange({ timeToLive: toDuration(value) })}
        testId="callback-time-to-live"
      />
      <Select
        label={t("callbackRules.onMachine")}
        data={ACTIONS.map((each) => ({
          value: `CALLBACK_MACHINE_ACTION_${each}`,
          label: t(`callbackRules.${each}`),
        }))}
        allowDeselect={false}
        value={rules.onMachine || "CALLBACK_MACHINE_ACTION_HANG_UP"}
        error={saidOf(problem, "callbacks.on_machine")}
        onChange={(value) => chooseAction(value as CallbackRules["onMachine"])}
        data-testid="callback-on-machine"
      />
      {leaves && (
        <Select
          label={t("callbackRules.prompt")}
          placeholder={prompts.length === 0 ? t("admin.prompts.none") : undefined}
          data={optionsOf(prompts, "promptId")}
          value={rules.messagePromptId || null}
          error={saidOf(problem, "callbacks.message_prompt_id")}
          onChange={(promptId) => onChange({ messagePromptId: promptId ?? "" })}
          data-testid="callback-prompt"
        />
      )}
      <Select
        label={t("callbackRules.hours")}
        placeholder={t("callbackRules.anyTime")}
        clearable
        data={optionsOf(hours, "businessHoursId")}
        value={rules.businessHoursId || null}
        error={saidOf(problem, "callbacks.business_hours_id")}
        onChange={(hoursId) => onChange({ businessHoursId: hoursId ?? "" })}
        data-testid="callback-hours"
      />
    </Stack>
  );
}
