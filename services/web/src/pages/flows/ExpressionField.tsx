import { Textarea } from "@mantine/core";
import { useText } from "../../i18n/index.ts";

interface Props {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
  /** An example of what belongs here. */
  placeholder?: string;
  description?: string;
}

/** Something that is worked out in a call: it reads from left to right in every language. */
export function ExpressionField({ label, value, onChange, placeholder, description }: Props) {
  const t = useText();
  return (
    <Textarea
      label={label}
      description={description ?? t("flowSteps.expressionHint")}
      placeholder={placeholder ?? "number(total) > 100"}
      dir="ltr"
      autosize
      minRows={1}
      maxLength={1000}
      spellCheck={false}
      autoCapitalize="off"
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      value={value ?? ""}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
