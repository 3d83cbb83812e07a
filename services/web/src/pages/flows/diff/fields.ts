/** What a flow file's keys are called on screen, and which of their values are steps. */
import type { Definition, FlowDiff, StepChange } from "../../../api/types.ts";
import type { MessageKey } from "../../../i18n/index.ts";
import { KINDS, type Kind } from "../steps.ts";

const LABELS: Readonly<Record<string, MessageKey>> = {
  language: "flows.language",
  start: "flows.start",
  order: "flowDiff.order",
  name: "common.name",
  kind: "flowDiff.kind",
  text: "flows.says",
  prompt: "flows.prompt",
  next: "flows.next",
  no_match: "flows.noMatch",
  invalid: "flows.invalid",
  timeout: "flowDiff.timeout",
  attempts: "flows.attempts",
  choices: "flows.choices",
  digit: "flows.digit",
  value: "flows.value",
  attribute: "flows.attribute",
  min_digits: "flows.minDigits",
  max_digits: "flows.maxDigits",
  masked: "flows.masked",
  business_hours: "stepKind.hours",
  open: "flows.whenOpen",
  closed: "flows.whenClosed",
  method: "flows.method",
  url: "flows.url",
  headers: "flows.headers",
  body: "flows.body",
  extract: "flows.extract",
  retries: "flows.retries",
  filler: "flows.filler",
  failed: "flows.failed",
  queue: "stepKind.queue",
  agent: "flows.oneAgent",
  priority: "flows.priority",
  music: "flows.music",
  timed_out: "flows.timedOut",
  nobody_staffed: "flows.nobodyStaffed",
  full: "flows.full",
  declined: "flows.callbackDeclined",
  always: "flows.callbackAlways",
  confirmation: "flows.callbackConfirmation",
  people_only: "flows.peopleOnly",
  end_digit: "flows.endDigit",
  branches: "flowSteps.conditions",
  rules: "flowSteps.rules",
  by_rules: "flowSteps.byRules",
  condition: "flowSteps.condition",
  otherwise: "flowSteps.otherwise",
  shares: "flowSteps.shares",
  percent: "flowSteps.percent",
  expression: "flowSteps.expression",
  not_found: "flowSteps.notFound",
  several: "flowSteps.several",
  no_answer: "flowSteps.noAnswer",
  abandoned: "flowSteps.abandoned",
  after_agent: "flowSteps.afterAgent",
  skills: "flowSteps.skills",
  most_offers: "flowSteps.mostOffers",
  preferred: "flowSteps.preferred",
  preferred_attribute: "flowSteps.preferredAttribute",
  by: "flowSteps.lookBy",
  question_id: "flowSteps.questionId",
  lowest: "flowSteps.lowest",
  highest: "flowSteps.highest",
  inputs: "flowSteps.inputs",
  outputs: "flowSteps.outputs",
  flow: "flows.otherFlow",
};

const LEADING = new Set([
  "start",
  "next",
  "no_match",
  "open",
  "closed",
  "failed",
  "timed_out",
  "nobody_staffed",
  "full",
  "otherwise",
  "not_found",
  "several",
  "no_answer",
  "abandoned",
  "after_agent",
  "declined",
]);

/** A field's path as its parts: known keys to be worded, and what stands between, such as a language or a digit. */
export function partsOf(field: string): { label?: MessageKey; text: string }[] {
  return field
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((text) => ({ label: Object.hasOwn(LABELS, text) ? LABELS[text] : undefined, text }))
    .map(({ label, text }) => (label ? { label, text } : { text }));
}

/** Whether a field's value is the id of the step it leads to. */
export function leadsToStep(field: string): boolean {
  return LEADING.has(field.split(".").at(-1) ?? "");
}

/** The list editor's kind of a file's, such as setAttribute of set_attribute. */
export function kindOfChange(change: StepChange): Kind | undefined {
  return kindOfKey(change.kind ?? "");
}

export function kindOfKey(key: string): Kind | undefined {
  const camel = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return KINDS.find((kind) => kind === camel);
}

/** Names of steps by their id, of the definition at hand and of what a diff says of others. */
export function stepNames(definition: Definition | undefined, diff: FlowDiff): ReadonlyMap<string, string> {
  const known = (definition?.steps ?? []).map((step) => [step.stepId ?? "", step.displayName] as const);
  const changed = (diff.steps ?? []).map((step) => [step.stepId ?? "", step.displayName] as const);
  return new Map([...known, ...changed].map(([stepId, name]) => [stepId, name || stepId]));
}
