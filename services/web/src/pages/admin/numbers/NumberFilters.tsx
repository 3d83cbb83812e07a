import { MultiSelect, Select, TextInput } from "@mantine/core";
import type { NumberCapability, NumberType } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { CountrySelect } from "../CountrySelect.tsx";
import { capabilityOptions, typeOptions } from "./kinds.ts";
import classes from "./numbers.module.css";

export interface Looked {
  country: string;
  prefix: string;
  contains: string;
  type: NumberType | "";
  capabilities: NumberCapability[];
}

export const EVERYTHING: Looked = { country: "", prefix: "", contains: "", type: "", capabilities: [] };

/** As the API asks for it: what isn't looked for is left out. */
export function queryOf(looked: Looked) {
  const { type, capabilities, ...said } = looked;
  return { ...said, ...(type && { type }), ...(capabilities.length > 0 && { capabilities }) };
}

/** What numbers are looked for: country, how they begin, digits in them, kind, what they carry. */
export function NumberFilters(props: { value: Looked; onChange: (next: Looked) => void; testId: string }) {
  const t = useText();
  const { value, testId } = props;
  const set = (news: Partial<Looked>) => props.onChange({ ...value, ...news });
  return (
    <div className={classes.filters}>
      <CountrySelect
        label={t("numberSearch.country")}
        value={value.country}
        onChange={(country) => set({ country })}
      />
      <Select
        label={t("numberSearch.type")}
        clearable
        clearButtonProps={{ "aria-label": t("common.remove") }}
        data={typeOptions()}
        value={value.type || null}
        onChange={(type) => set({ type: (type ?? "") as NumberType | "" })}
        data-testid={`${testId}-type`}
      />
      <TextInput
        label={t("numberSearch.prefix")}
        placeholder="+44 20"
        dir="ltr"
        value={value.prefix}
        onChange={(event) => set({ prefix: event.currentTarget.value })}
        data-testid={`${testId}-prefix`}
      />
      <TextInput
        label={t("numberSearch.contains")}
        placeholder="4?4?"
        dir="ltr"
        inputMode="tel"
        value={value.contains}
        onChange={(event) => set({ contains: event.currentTarget.value })}
        data-testid={`${testId}-contains`}
      />
      <MultiSelect
        label={t("numberSearch.carries")}
        data={capabilityOptions()}
        value={value.capabilities}
        onChange={(capabilities) => set({ capabilities: capabilities as NumberCapability[] })}
        data-testid={`${testId}-capabilities`}
      />
    </div>
  );
}
