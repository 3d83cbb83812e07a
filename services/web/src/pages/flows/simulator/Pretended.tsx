import { Select, Stack, TextInput } from "@mantine/core";
import type { Release, Scenario } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { LANGUAGE_NAMES, LANGUAGES, useLanguage, useText } from "../../../i18n/index.ts";
import { PairFields } from "../PairFields.tsx";
import { localTime, momentOf } from "./moments.ts";
import classes from "./simulator.module.css";

const CHANNELS = ["CHANNEL_VOICE", "CHANNEL_CHAT", "CHANNEL_SMS", "CHANNEL_EMAIL", "CHANNEL_SOCIAL"] as const;

interface Props {
  scenario: Scenario;
  onScenario: (scenario: Scenario) => void;
  releases: readonly Release[];
  releaseNumber: number;
  onRelease: (number: number) => void;
}

/** What is tried and who pretends to call, folded away until somebody wants another call than a plain one. */
export function Pretended({ scenario, onScenario, releases, releaseNumber, onRelease }: Props) {
  const t = useText();
  const language = useLanguage();
  const set = (field: keyof Scenario) => (event: { currentTarget: { value: string } }) =>
    onScenario({ ...scenario, [field]: event.currentTarget.value });
  return (
    <details className={classes.pretended} data-testid="simulator-call">
      <summary>{t("simulator.call")}</summary>
      <Stack gap="xs" mt="xs">
        <Select
          label={t("flowFile.version")}
          data={[
            { value: "0", label: t("flowDiff.draft") },
            ...releases.map((release) => ({
              value: String(release.number),
              label: t("flows.number", { number: formatNumber(release.number ?? 0, language) }),
            })),
          ]}
          value={String(releaseNumber)}
          allowDeselect={false}
          onChange={(value) => onRelease(Number(value))}
          data-testid="simulator-version"
        />
        <TextInput
          type="datetime-local"
          label={t("simulator.time")}
          description={t("simulator.timeHint")}
          value={localTime(scenario.time)}
          onChange={(event) => {
            const { time: _, ...rest } = scenario;
            const moment = momentOf(event.currentTarget.value);
            onScenario(moment ? { ...rest, time: moment } : rest);
          }}
          data-testid="simulator-time"
        />
        <TextInput
          label={t("simulator.callerNumber")}
          dir="ltr"
          maxLength={200}
          value={scenario.callerNumber ?? ""}
          onChange={set("callerNumber")}
        />
        <TextInput
          label={t("simulator.dialedNumber")}
          dir="ltr"
          maxLength={200}
          value={scenario.dialedNumber ?? ""}
          onChange={set("dialedNumber")}
        />
        <TextInput
          label={t("simulator.brandName")}
          maxLength={200}
          value={scenario.brandName ?? ""}
          onChange={set("brandName")}
        />
        <Select
          label={t("common.language")}
          data={LANGUAGES.map((each) => ({ value: each, label: LANGUAGE_NAMES[each] }))}
          value={scenario.language || null}
          placeholder={t("simulator.flowsLanguage")}
          clearable
          onChange={(value) => onScenario({ ...scenario, language: value ?? "" })}
        />
        <Select
          label={t("simulator.channel")}
          data={CHANNELS.map((each) => ({ value: each, label: t(`capacity.${each}`) }))}
          value={scenario.channel ?? "CHANNEL_VOICE"}
          allowDeselect={false}
          onChange={(value) => {
            const channel = CHANNELS.find((each) => each === value);
            if (channel) onScenario({ ...scenario, channel });
          }}
          data-testid="simulator-channel"
        />
        <PairFields
          label={t("simulator.attributes")}
          names={[t("flows.attribute"), t("flows.value")]}
          pairs={scenario.attributes ?? {}}
          onChange={(attributes) => onScenario({ ...scenario, attributes })}
        />
      </Stack>
    </details>
  );
}
