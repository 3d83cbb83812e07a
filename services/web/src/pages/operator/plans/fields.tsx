/** Fields that plans and add-ons are written with. */
import { Checkbox, Group, MultiSelect, NumberInput, SimpleGrid, Stack, TextInput } from "@mantine/core";
import type { Limits, Money, Plan } from "../../../api/types.ts";
import { latinDigits } from "../../../format/numbers.ts";
import { LANGUAGE_NAMES, LANGUAGES, textOr, useText } from "../../../i18n/index.ts";
import { directionOf } from "../../../i18n/languages.ts";
import type { FaultOf } from "./faults.ts";

export const LIMITS = [
  "maxUsers",
  "maxConcurrentCalls",
  "maxNumbers",
  "maxBrands",
  "recordingRetentionDays",
  "maxApiRequestsPerMinute",
  "maxCampaigns",
] as const satisfies readonly (keyof Limits)[];

interface MoneyProps {
  label: string;
  description?: string;
  value: Money | undefined;
  error?: string | undefined;
  onChange: (value: Money | undefined) => void;
  testId?: string;
}

/** An amount of the plan's currency as decimal text; empty means none. */
export function MoneyField({ label, description, value, error, onChange, testId }: MoneyProps) {
  return (
    <DecimalField
      label={label}
      description={description}
      value={value?.amount ?? ""}
      error={error}
      onChange={(amount) => onChange(amount ? { amount } : undefined)}
      testId={testId}
    />
  );
}

interface DecimalProps {
  label: string;
  description?: string | undefined;
  placeholder?: string;
  value: string;
  error?: string | undefined;
  onChange: (value: string) => void;
  testId?: string | undefined;
}

/** A decimal that stays text, so that it stays exact; other scripts' digits and a decimal comma are taken too. */
export function DecimalField({
  label,
  description,
  placeholder,
  value,
  error,
  onChange,
  testId,
}: DecimalProps) {
  return (
    <TextInput
      label={label}
      description={description}
      placeholder={placeholder}
      inputMode="decimal"
      dir="ltr"
      value={value}
      error={error}
      onChange={(event) => onChange(latinDigits(event.currentTarget.value).replace(/[,٫]/, ".").trim())}
      data-testid={testId}
    />
  );
}

interface TextsProps {
  at: string;
  item: Pick<Plan, "names" | "summaries">;
  faultOf: FaultOf;
  onChange: (part: Pick<Plan, "names" | "summaries">) => void;
}

/** Name and summary in each language. */
export function TextsFields({ at, item, faultOf, onChange }: TextsProps) {
  const t = useText();
  const kinds = [
    { part: "names", label: t("plans.form.name") },
    { part: "summaries", label: t("plans.form.summary") },
  ] as const;
  return (
    <Stack gap="xs">
      {kinds.map(({ part, label }) => (
        <SimpleGrid key={part} cols={{ base: 1, xs: 2 }}>
          {LANGUAGES.map((language) => (
            <TextInput
              key={language}
              label={`${label} (${LANGUAGE_NAMES[language]})`}
              dir={directionOf(language)}
              value={item[part]?.[language] ?? ""}
              error={
                faultOf(`${at}.${part}[${language}]`) ??
                (language === "en" ? faultOf(`${at}.${part}`) : undefined)
              }
              onChange={(event) =>
                onChange({ [part]: { ...item[part], [language]: event.currentTarget.value } })
              }
              data-testid={`plan-${part}-${language}`}
            />
          ))}
        </SimpleGrid>
      ))}
      <p style={{ margin: 0, color: "var(--m-muted)", fontSize: "0.87rem" }}>{t("plans.form.missing")}</p>
    </Stack>
  );
}

/** Nothing can be let past these: a recording goes when its days are over, and there are no campaigns yet. */
const NEVER_SOFT: ReadonlySet<string> = new Set(["recordingRetentionDays", "maxCampaigns"]);

interface LimitProps {
  at: string;
  limits: Limits;
  faultOf: FaultOf;
  onChange: (limits: Limits) => void;
  soft?: readonly string[];
  onSoft?: (soft: string[]) => void;
}

/** The limits as numbers, and which of them only raise a notice. */
export function LimitFields({ at, limits, faultOf, onChange, soft, onSoft }: LimitProps) {
  const t = useText();
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
        {LIMITS.map((name) => (
          <NumberInput
            key={name}
            label={t(`limits.${name}`)}
            allowDecimal={false}
            value={limits[name] ?? 0}
            error={faultOf(`${at}.limits.${snake(name)}`)}
            onChange={(value) => onChange({ ...limits, [name]: Number(value) })}
            data-testid={`limit-${name}`}
          />
        ))}
      </SimpleGrid>
      {soft && onSoft && (
        <MultiSelect
          label={t("plans.form.soft")}
          data={LIMITS.filter((name) => !NEVER_SOFT.has(name)).map((name) => ({
            value: snake(name),
            label: t(`limits.${name}`),
          }))}
          value={[...soft]}
          onChange={onSoft}
        />
      )}
      {faultOf(`${at}.limits`) && (
        <p role="alert" style={{ margin: 0, color: "var(--mantine-color-error)", fontSize: "0.85rem" }}>
          {faultOf(`${at}.limits`)}
        </p>
      )}
    </Stack>
  );
}

interface FeatureProps {
  features: readonly string[];
  value: readonly string[];
  onChange: (value: string[]) => void;
}

export function FeatureFields({ features, value, onChange }: FeatureProps) {
  return (
    <Checkbox.Group value={[...value]} onChange={onChange}>
      <Group gap="md">
        {features.map((feature) => (
          <Checkbox key={feature} value={feature} label={textOr("feature", feature)} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}

/** "maxUsers" as the contract writes it in paths. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
