import { fieldProblem, type Problem } from "../../api/problem.ts";
import type { CivicAddress } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { TextField } from "../../ui/fields.tsx";
import { CountrySelect } from "./CountrySelect.tsx";

const PARTS = ["name", "street", "unit", "city", "region", "postalCode"] as const;
const NEEDED = new Set<string>(["name", "street", "city"]);

interface Props {
  value: CivicAddress;
  onChange: (address: CivicAddress) => void;
  problem: Problem | undefined;
  /** Begins the fields' test ids. */
  testId: string;
  maxLength?: number;
}

/** Somebody's place: whose it is, street, town and country. */
export function CivicAddressFields({ value, onChange, problem, testId, maxLength }: Props) {
  const t = useText();
  return (
    <>
      {PARTS.map((part) => (
        <TextField
          key={part}
          label={t(`place.${part}`)}
          required={NEEDED.has(part)}
          maxLength={maxLength}
          value={value[part] ?? ""}
          error={fieldProblem(problem, part)}
          onChange={(event) => onChange({ ...value, [part]: event.currentTarget.value })}
          data-testid={`${testId}-${part}`}
        />
      ))}
      <CountrySelect
        label={t("place.country")}
        value={value.country ?? ""}
        error={fieldProblem(problem, "country")}
        onChange={(country) => onChange({ ...value, country })}
      />
    </>
  );
}
