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
  onChange: (country: string) => void;
}

/** A country, found by any part of its name or by its two letters. */
export function CountrySelect({ label, description, value, error, onChange }: Props) {
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
      filter={({ options, search }) => {
        const wanted = searchable(search);
        return options.filter(
          (each) =>
            "value" in each &&
            (searchable(each.label).includes(wanted) || each.value.toLowerCase() === wanted),
        );
      }}
      onChange={(next) => onChange(next ?? "")}
    />
  );
}
