import { useState } from "react";
import { isolated } from "../../format/isolated.ts";
import { useText } from "../../i18n/index.ts";
import { renamed } from "../../rules/requirements.ts";
import { useSpeech } from "../../rules/useSpeech.ts";
import { ExpressionField } from "../admin/rules/ExpressionField.tsx";

const EXAMPLE = "(French >= 4 or Sales) and not Trainee";

/** An expression of skills: written with their names, kept with their ids, so that it stays right when one is renamed. */
export function SkillExpression({
  value,
  onChange,
  testId,
}: {
  value: string;
  onChange: (value: string) => void;
  testId: string;
}) {
  const t = useText();
  const { skill, skillOf } = useSpeech();
  const [written, setWritten] = useState("");
  // What is being written stays as it is written; what comes from elsewhere, an undo, say, is put in names.
  const kept = (text: string) => renamed(text, skillOf);
  const shown = written !== "" && kept(written) === value ? written : renamed(value, skill);
  return (
    <ExpressionField
      label={t("flowSteps.requirement")}
      description={t("flowSteps.requirementHint", { example: isolated(EXAMPLE) })}
      value={shown}
      onChange={(text) => {
        setWritten(text);
        onChange(kept(text));
      }}
      testId={testId}
    />
  );
}
