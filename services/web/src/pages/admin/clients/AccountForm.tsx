import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { BrandAccount } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { SelectField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { BuyerFields } from "./BuyerFields.tsx";
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
      <BuyerFields values={values} onChange={change} />
    </FormModal>
  );
}
