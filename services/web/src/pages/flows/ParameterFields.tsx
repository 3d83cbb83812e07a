import { Checkbox, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import type { Definition } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";

type Parameter = NonNullable<Definition["inputs"]>[number];

interface Props {
  label: string;
  hint: string;
  parameters: readonly Parameter[];
  mayBeRequired?: boolean;
  onChange: (parameters: Parameter[]) => void;
}

/** What a flow that others go through is given, or gives back. */
export function ParameterFields({ label, hint, parameters, mayBeRequired, onChange }: Props) {
  const t = useText();
  const replace = (index: number, part: Partial<Parameter>) =>
    onChange(parameters.map((each, at) => (at === index ? ({ ...each, ...part } as Parameter) : each)));
  return (
    <Stack gap={8} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <Text size="xs" c="dimmed">
        {hint}
      </Text>
      {parameters.map((parameter, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: its name is being edited, and it has no other id
        <Group key={index} gap={8} align="flex-end">
          <TextInput
            label={t("common.name")}
            dir="ltr"
            maxLength={64}
            style={{ flex: 1, minWidth: 120 }}
            value={parameter.name ?? ""}
            onChange={(event) => replace(index, { name: event.currentTarget.value })}
          />
          <Select
            label={t("flowSteps.type")}
            w={120}
            allowDeselect={false}
            data={(["text", "number", "boolean", "time"] as const).map((type) => ({
              value: type,
              label: t(`flowSteps.type.${type}`),
            }))}
            value={parameter.type || "text"}
            onChange={(type) => replace(index, { type: type ?? "text" })}
          />
          {mayBeRequired && (
            <Checkbox
              label={t("flowSteps.required")}
              pb={8}
              checked={parameter.required ?? false}
              onChange={(event) => replace(index, { required: event.currentTarget.checked })}
            />
          )}
          <RemoveLine size="lg" onClick={() => onChange(parameters.filter((_, at) => at !== index))} />
        </Group>
      ))}
      <AddLine
        label={t("common.add")}
        onClick={() => onChange([...parameters, { name: "", type: "text", required: false }])}
      />
    </Stack>
  );
}
