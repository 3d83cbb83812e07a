import type { PostalAddress } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { TextField } from "../../../ui/fields.tsx";
import { CountrySelect } from "../CountrySelect.tsx";
import classes from "./billing.module.css";

interface Props {
  value: PostalAddress;
  onChange: (value: PostalAddress) => void;
  /** Whoever issues bills says at least in which country they are. */
  issuers?: boolean;
}

const FIELDS = [
  ["street", 200],
  ["additional", 200],
  ["postalCode", 20],
  ["city", 100],
  ["region", 100],
] as const;

/** Where somebody is. */
export function AddressFields({ value, onChange, issuers = false }: Props) {
  const t = useText();
  return (
    <div className={classes.fields}>
      {FIELDS.map(([name, longest]) => (
        <TextField
          key={name}
          label={t(`profile.${name}`)}
          maxLength={longest}
          value={value[name] ?? ""}
          onChange={(event) => onChange({ ...value, [name]: event.currentTarget.value })}
          data-testid={`address-${name}`}
        />
      ))}
      <CountrySelect
        label={t("profile.country")}
        value={value.country ?? ""}
        required={issuers}
        onChange={(country) => onChange({ ...value, country })}
        testId="address-country"
      />
    </div>
  );
}
