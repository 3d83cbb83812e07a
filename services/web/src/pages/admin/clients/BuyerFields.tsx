import { NumberInput, SimpleGrid } from "@mantine/core";
import type { BrandAccount } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { LanguageSelect, TextField } from "../../../ui/fields.tsx";
import { AddressFields } from "../billing/AddressFields.tsx";

type Billed = Pick<BrandAccount, "buyer" | "paymentTermsDays" | "taxName" | "taxPercent">;

interface Props {
  values: Billed;
  onChange: (more: Billed) => void;
}

/** Whom a bill is for, its tax, and how long there is to pay it. */
export function BuyerFields({ values, onChange: change }: Props) {
  const t = useText();
  const buyer = values.buyer ?? {};
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextField
          label={t("profile.legalName")}
          maxLength={200}
          value={buyer.legalName ?? ""}
          onChange={(event) => change({ buyer: { ...buyer, legalName: event.currentTarget.value } })}
        />
        <TextField
          label={t("profile.taxId")}
          maxLength={40}
          value={buyer.taxId ?? ""}
          onChange={(event) => change({ buyer: { ...buyer, taxId: event.currentTarget.value } })}
        />
        <TextField
          label={t("profile.email")}
          type="email"
          maxLength={254}
          value={buyer.email ?? ""}
          onChange={(event) => change({ buyer: { ...buyer, email: event.currentTarget.value } })}
        />
        <LanguageSelect
          label={t("profile.language")}
          value={buyer.language || "en"}
          onChange={(language) => change({ buyer: { ...buyer, language } })}
          testId="account-language"
        />
        <TextField
          label={t("clients.taxName")}
          maxLength={60}
          value={values.taxName ?? ""}
          onChange={(event) => change({ taxName: event.currentTarget.value })}
        />
        <NumberInput
          label={t("clients.taxPercent")}
          min={0}
          max={99}
          decimalScale={4}
          value={values.taxPercent ?? ""}
          onChange={(taxPercent) => change({ taxPercent: String(taxPercent) })}
        />
        <NumberInput
          label={t("clients.days")}
          min={0}
          max={180}
          allowDecimal={false}
          value={values.paymentTermsDays ?? 0}
          onChange={(days) => change({ paymentTermsDays: Number(days) })}
        />
      </SimpleGrid>
      <AddressFields
        value={buyer.address ?? {}}
        onChange={(address) => change({ buyer: { ...buyer, address } })}
      />
    </>
  );
}
