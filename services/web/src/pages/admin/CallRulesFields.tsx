import { Checkbox, NumberInput, Select } from "@mantine/core";
import { fieldProblem, type Problem } from "../../api/problem.ts";
import type { CallRules } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";

interface Props {
  value: CallRules;
  problem: Problem | undefined;
  onChange: (part: Partial<CallRules>) => void;
}

/** How a brand's calls are handled: what tells of recording, how long they stay parked, what is said of who calls. */
export function CallRulesFields({ value, problem, onChange }: Props) {
  const t = useText();
  const tone = value.recordingTone ?? "RECORDING_TONE_UNSPECIFIED";
  return (
    <>
      <Select
        label={t("admin.brands.tone")}
        description={t("admin.brands.toneHint")}
        allowDeselect={false}
        data={[
          { value: "RECORDING_TONE_UNSPECIFIED", label: t("admin.brands.toneNone") },
          { value: "RECORDING_TONE_ONCE", label: t("admin.brands.toneOnce") },
          { value: "RECORDING_TONE_REPEATED", label: t("admin.brands.toneRepeated") },
        ]}
        value={tone}
        onChange={(chosen) => onChange({ recordingTone: chosen as CallRules["recordingTone"] })}
        data-testid="brand-tone"
      />
      {tone === "RECORDING_TONE_REPEATED" && (
        <NumberInput
          label={t("admin.brands.toneSeconds")}
          min={5}
          max={120}
          value={value.recordingToneSeconds || 15}
          error={fieldProblem(problem, "recordingToneSeconds")}
          onChange={(seconds) => onChange({ recordingToneSeconds: Number(seconds) })}
          data-testid="brand-tone-seconds"
        />
      )}
      {tone !== "RECORDING_TONE_UNSPECIFIED" && (
        <Checkbox
          label={t("admin.brands.toneForAgents")}
          checked={value.recordingToneForAgents ?? false}
          onChange={(event) => onChange({ recordingToneForAgents: event.currentTarget.checked })}
          data-testid="brand-tone-agents"
        />
      )}
      <NumberInput
        label={t("admin.brands.parkSeconds")}
        description={t("admin.brands.parkHint")}
        min={15}
        max={3600}
        value={value.parkSeconds || 120}
        error={fieldProblem(problem, "parkSeconds")}
        onChange={(seconds) => onChange({ parkSeconds: Number(seconds) })}
        data-testid="brand-park-seconds"
      />
      <Select
        label={t("admin.brands.parkEnd")}
        allowDeselect={false}
        data={[
          { value: "PARK_END_UNSPECIFIED", label: t("admin.brands.parkVoicemail") },
          { value: "PARK_END_QUEUE", label: t("admin.brands.parkQueue") },
          { value: "PARK_END_HANG_UP", label: t("admin.brands.parkHangUp") },
        ]}
        value={value.parkEnd ?? "PARK_END_UNSPECIFIED"}
        onChange={(chosen) => onChange({ parkEnd: chosen as CallRules["parkEnd"] })}
        data-testid="brand-park-end"
      />
      <Checkbox
        label={t("admin.brands.callersHidden")}
        description={t("admin.brands.callersHiddenHint")}
        checked={value.callersHidden ?? false}
        onChange={(event) => onChange({ callersHidden: event.currentTarget.checked })}
        data-testid="brand-callers-hidden"
      />
    </>
  );
}
