import { useContext, useMemo, useState } from "react";
import type { Problem } from "../../../api/problem.ts";
import type { Queue } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { CHOOSING, QueueParts, rulesToSave } from "../../admin/rules/QueueParts.tsx";
import { planOf, type QueuePlan } from "./plan.ts";
import { ofQueue, ProblemContext } from "./saying.ts";

interface Props {
  /** The queue as the variant has it. */
  queue: Queue;
  /** Where it stands in the request, such as `variants[0].queues[1]`. */
  place: string;
  onChange: (part: Partial<QueuePlan>) => void;
  onClose: () => void;
}

/** Everything a queue goes by in a variant, as its own form has it; nothing of the queue itself is changed. */
export function VariantQueueForm({ queue: before, place, onChange, onClose }: Props) {
  const t = useText();
  const [queue, setQueue] = useState(before);
  const asked = useContext(ProblemContext);
  const problem: Problem | undefined = useMemo(() => ofQueue(asked, place), [asked, place]);
  const keep = async () => onChange(planOf({ ...queue, rules: rulesToSave(queue.rules) }));
  return (
    <FormModal
      title={t("simulator.rules.of", { queue: queue.displayName ?? "" })}
      saveLabel={t("simulator.rules.keep")}
      onClose={onClose}
      onSave={keep}
      size="xl"
      testId="variant-queue"
    >
      <QueueParts
        queue={queue}
        problem={problem}
        parts={CHOOSING}
        onChange={(part) => setQueue((is) => ({ ...is, ...part }))}
      />
    </FormModal>
  );
}
