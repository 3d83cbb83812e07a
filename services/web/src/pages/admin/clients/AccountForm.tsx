import { NumberInput, SimpleGrid } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { BrandAccount } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { LanguageSelect, SelectField, TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { AddressFields } from "../billing/AddressFields.tsx";
import { usePriceLists } from "./PriceLists.tsx";

interface Props {
  brandId: string;
  name: string;
  onClose: () => void;
}

/** How a brand's client is billed. */
export function AccountForm(props: Props) {
  const accounts = useQuery({
    queryKey: ["brandAccounts"],
    queryFn: () => ask(api.GET("/v1/brandAccounts")),
  });
  const lists = usePriceLists();
  if (!accounts.data || !lists.data) return null;
  const known = accounts.data.accounts?.find((each) => each.brandId === props.brandId);
  return <Filled {...props} known={known ?? { paymentTermsDays: 14, buyer: { legalName: props.name } }} />;
}

function Filled({ brandId, name, known, onClose }: Props & { known: BrandAccount }) {
  const t = useText();
  const refresh = useRefresh("brandAccounts", "brandStatements");
  const lists = usePriceLists().data?.priceLists ?? [];
  const [values, setValues] = useState<BrandAccount>({
    ...known,
    priceListId: known.priceListId || lists[0]?.priceListId,
  });
  const change = (more: Partial<BrandAccount>) => setValues({ ...values, ...more });
  const buyer = values.buyer ?? {};
  const save = () =>
    ask(
      api.PATCH("/v1/brandAccounts/{account.brandId}", {
        params: { path: { "account.brandId": brandId } },
        body: { account: { ...values, brandId }, version: known.version },
      }),
    ).finally(refresh);
  return (
    <FormModal
      title={t("clients.account", { name })}
      size="lg"
      onClose={onClose}
      onSave={save}
      saveDisabled={!values.priceListId}
      testId="account"
    >
      <SelectField
        label={t("clients.list")}
        required
        data={lists.map((each) => ({ value: each.priceListId ?? "", label: each.name ?? "" }))}
        value={values.priceListId ?? null}
        onChange={(priceListId) => change({ priceListId: priceListId ?? undefined })}
        data-testid="account-list"
      />
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
    </FormModal>
  );
}
