import { Select, Text } from "@mantine/core";
import { optionsOf } from "../../api/names.ts";
import type { Definition } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { PairFields } from "./PairFields.tsx";
import { type FieldsProps, Next, Target } from "./StepFields.tsx";
import { useFlows, useReleases } from "./useFlow.ts";

/** Which flow is gone through, what it is given and where what comes out goes. */
export function CallFlowFields({ value, set, steps }: FieldsProps<"callFlow">) {
  const t = useText();
  const flows = (useFlows().data ?? []).filter((flow) => flow.releaseId);
  return (
    <>
      <Select
        label={t("flows.otherFlow")}
        placeholder={flows.length === 0 ? t("flowSteps.noOtherFlow") : undefined}
        data={optionsOf(flows, "flowId")}
        value={value.flowId || null}
        onChange={(flowId) => set({ flowId: flowId ?? "" })}
      />
      {value.flowId && <Parameters flowId={value.flowId} />}
      <PairFields
        label={t("flowSteps.given")}
        names={[t("flowSteps.input"), t("flowSteps.expression")]}
        pairs={value.inputs ?? {}}
        onChange={(inputs) => set({ inputs })}
      />
      <PairFields
        label={t("flowSteps.comesOut")}
        names={[t("flows.attribute"), t("flowSteps.output")]}
        pairs={value.outputs ?? {}}
        onChange={(outputs) => set({ outputs })}
      />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flows.failed")}
        value={value.failed}
        steps={steps}
        onChange={(failed) => set({ failed })}
      />
    </>
  );
}

/** What the newest release of the flow takes and gives. */
function Parameters({ flowId }: { flowId: string }) {
  const t = useText();
  const newest = useReleases(flowId).data?.[0]?.definition;
  if (!newest) return null;
  return (
    <Text size="xs" c="dimmed">
      {t("flowSteps.takes", { inputs: listed(newest.inputs), outputs: listed(newest.outputs) })}
    </Text>
  );
}

function listed(parameters: Definition["inputs"]): string {
  const names = (parameters ?? []).map(
    ({ name, type, required }) => `${name} (${type}${required ? " *" : ""})`,
  );
  return names.join(", ") || "–";
}
