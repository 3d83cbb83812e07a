/** Form fields that several pages ask with. */
import { Select } from "@mantine/core";
import { LANGUAGE_NAMES, LANGUAGES, useText } from "../i18n/index.ts";

interface FieldProps {
  value: string;
  onChange: (value: string) => void;
  label?: string;
  description?: string;
  testId?: string;
  disabled?: boolean;
}

export function LanguageSelect({
  value,
  onChange,
  label,
  description,
  testId = "language",
  disabled,
}: FieldProps) {
  const t = useText();
  return (
    <Select
      label={label ?? t("common.language")}
      description={description}
      data={LANGUAGES.map((each) => ({ value: each, label: LANGUAGE_NAMES[each] }))}
      value={value || null}
      disabled={disabled}
      onChange={(next) => next && onChange(next)}
      data-testid={testId}
    />
  );
}

export function TimeZoneSelect({ value, onChange, label, testId = "time-zone" }: FieldProps) {
  const t = useText();
  const zones = timeZones();
  return (
    <Select
      label={label ?? t("common.timeZone")}
      searchable
      limit={80}
      data={zones.includes(value) || !value ? zones : [value, ...zones]}
      value={value || null}
      onChange={(next) => next && onChange(next)}
      data-testid={testId}
    />
  );
}

export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

let zones: string[] | undefined;

/** IANA zones the browser knows, our users' own first. */
export function timeZones(): string[] {
  zones ??= [
    ...new Set([
      ownTimeZone(),
      "UTC",
      "Europe/Istanbul",
      "Asia/Baku",
      "Asia/Tehran",
      ...Intl.supportedValuesOf("timeZone"),
    ]),
  ];
  return zones;
}
