/** Form fields that several pages ask with. */
import {
  FileInput,
  type FileInputProps,
  MultiSelect,
  type MultiSelectProps,
  PasswordInput,
  type PasswordInputProps,
  Select,
  type SelectProps,
  TextInput,
  type TextInputProps,
} from "@mantine/core";
import { LANGUAGE_NAMES, LANGUAGES, type Language, useText } from "../i18n/index.ts";
import { directionOf } from "../i18n/languages.ts";
import { useComplaint } from "./Form.tsx";

// Inside a Form these say in our own words what is wrong with them.
export function TextField(props: TextInputProps) {
  return <TextInput {...props} {...useComplaint(props)} />;
}
export function PasswordField(props: PasswordInputProps) {
  const t = useText();
  const toggle = { "aria-label": t("start.password.show") };
  return <PasswordInput visibilityToggleButtonProps={toggle} {...props} {...useComplaint(props)} />;
}
export function SelectField(props: SelectProps) {
  return <Select {...props} {...useComplaint(props)} />;
}
export function MultiSelectField(props: MultiSelectProps) {
  return <MultiSelect {...props} {...useComplaint(props)} />;
}
export function FileField(props: FileInputProps) {
  return <FileInput {...props} {...useComplaint(props)} />;
}

/** Hints below their fields, so that fields side by side stand in one line. */
export const HINT_BELOW: ("label" | "input" | "description" | "error")[] = [
  "label",
  "input",
  "error",
  "description",
];

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

/** An option that is a telephone number, isolated so that a right-to-left page leaves its plus sign in front. */
export function numberOption(number: string, language: Language) {
  const label = directionOf(language) === "rtl" ? `\u2066${number}\u2069` : number;
  return { value: number, label };
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
