/** One line that says what a step does, in the flow's language where something is said. */
import type { Definition, Step, Utterance } from "../../../api/types.ts";

/** Names by id of what steps refer to. */
export type Names = ReadonlyMap<string, string>;

export function summaryOf(step: Step, language: Definition["language"], names: Names): string {
  const named = (id: string | undefined) => (id ? (names.get(id) ?? id) : "");
  const said = (utterance: Utterance | undefined) => {
    if (utterance?.promptId) return named(utterance.promptId);
    const texts = utterance?.text ?? {};
    return texts[language ?? ""] || Object.values(texts).find(Boolean) || "";
  };
  if (step.say) return said(step.say.utterance);
  if (step.play) return named(step.play.promptId);
  if (step.menu) return said(step.menu.utterance);
  if (step.collect) return step.collect.attribute || said(step.collect.utterance);
  if (step.hours) return named(step.hours.businessHoursId);
  if (step.setAttribute) {
    const { attribute, value, expression } = step.setAttribute;
    return attribute ? `${attribute} = ${expression || (value ?? "")}` : "";
  }
  if (step.httpRequest)
    return step.httpRequest.url ? `${step.httpRequest.method} ${step.httpRequest.url}` : "";
  if (step.queue) return named(step.queue.queueId);
  if (step.entryRules)
    return (step.entryRules.rules ?? []).map((rule) => rule.name || named(rule.queueId)).join(", ");
  if (step.transfer) {
    const { number, queueId, agentId, flowId } = step.transfer;
    return number || named(queueId || agentId || flowId);
  }
  if (step.voicemail) return named(step.voicemail.queueId || step.voicemail.agentId);
  if (step.test) return step.test.branches?.[0]?.condition ?? "";
  if (step.split) return (step.split.shares ?? []).map((share) => `${share.percent ?? 0}%`).join(" / ");
  if (step.checkQueue) return named(step.checkQueue.queueId);
  if (step.findCustomer) return step.findCustomer.value ?? "";
  if (step.callFlow) return named(step.callFlow.flowId);
  if (step.chooseLanguage)
    return (step.chooseLanguage.choices ?? []).map((choice) => choice.language).join(", ");
  if (step.survey) return step.survey.questionId || said(step.survey.utterance);
  if (step.callbackOffer) return named(step.callbackOffer.queueId);
  return said(step.hangUp?.utterance);
}
