import { Select, Stack, TextInput } from "@mantine/core";
import type { Definition } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { LanguageSelect } from "../../ui/fields.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ParameterFields } from "./ParameterFields.tsx";

interface Props {
  name: string;
  definition: Definition;
  onName: (name: string) => void;
  onChange: (definition: Definition) => void;
}

export function FlowSettings({ name, definition, onName, onChange }: Props) {
  const t = useText();
  const steps = definition.steps ?? [];
  return (
    <Panel label={t("flows.settings")}>
      <Stack>
        <TextInput
          label={t("common.name")}
          maxLength={120}
          value={name}
          onChange={(event) => onName(event.currentTarget.value)}
        />
        <Select
          label={t("flows.start")}
          data={steps.map((step) => ({
            value: step.stepId ?? "",
            label: step.displayName || step.stepId || "",
          }))}
          value={definition.start || null}
          onChange={(start) => onChange({ ...definition, start: start ?? "" })}
          data-testid="flow-start"
        />
        <LanguageSelect
          label={t("flows.language")}
          description={t("flows.languageHint")}
          value={definition.language ?? "en"}
          onChange={(language) => onChange({ ...definition, language })}
        />
        <ParameterFields
          label={t("flowSteps.inputs")}
          hint={t("flowSteps.inputsHint")}
          parameters={definition.inputs ?? []}
          mayBeRequired
          onChange={(inputs) => onChange({ ...definition, inputs })}
        />
        <ParameterFields
          label={t("flowSteps.outputs")}
          hint={t("flowSteps.outputsHint")}
          parameters={definition.outputs ?? []}
          onChange={(outputs) => onChange({ ...definition, outputs })}
        />
      </Stack>
    </Panel>
  );
}
