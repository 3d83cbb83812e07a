import { Select } from "@mantine/core";
import type { ReactNode } from "react";
import codes from "../../format/countries.az.json";
import { countryName, searchable } from "../../format/countries.ts";
import { useLanguage } from "../../i18n/index.ts";
import { HINT_BELOW } from "../../ui/fields.tsx";

interface Props {
  label: string;
  description?: string;
  value: string;
  error?: ReactNode;
  required?: boolean;
  onChange: (country: string) => void;
  testId?: string;
}

/** A country, found by any part of its name or by its two letters. */
export function CountrySelect({ label, description, value, error, required, onChange, testId }: Props) {
  const language = useLanguage();
  const data = Object.keys(codes)
    .map((code) => ({ value: code, label: countryName(code, language) }))
    .sort((one, other) => one.label.localeCompare(other.label, language));
  return (
    <Select
      label={label}
      description={description}
      inputWrapperOrder={HINT_BELOW}
      searchable
      clearable
      limit={60}
      data={data}
      value={value || null}
      error={error}
      required={required}
      filter={({ options, search }) => {
        const wanted = searchable(search);
        return options.filter(
          (each) =>
            "value" in each &&
            (searchable(each.label).includes(wanted) || each.value.toLowerCase() === wanted),
        );
      }}
      onChange={(next) => onChange(next ?? "")}
      data-testid={testId}
    />
  );
}
