import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { ResaleAccount } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { BuyerFields } from "./BuyerFields.tsx";

interface Props {
  tenantId: string;
  name: string;
  onClose: () => void;
}

/** How a company that is resold is billed; by which list is said beside it. */
export function CompanyForm(props: Props) {
  const accounts = useQuery({
    queryKey: ["resaleAccounts"],
    queryFn: () => ask(api.GET("/v1/resaleAccounts")),
  });
  if (!accounts.data) return null;
  const known = accounts.data.accounts?.find((each) => each.tenantId === props.tenantId);
  return <Filled {...props} known={known ?? { paymentTermsDays: 14, buyer: { legalName: props.name } }} />;
}

function Filled({ tenantId, name, known, onClose }: Props & { known: ResaleAccount }) {
  const t = useText();
  const refresh = useRefresh("resaleAccounts");
  const [values, setValues] = useState<ResaleAccount>(known);
  const save = () =>
    ask(
      api.PATCH("/v1/resaleAccounts/{account.tenantId}", {
        params: { path: { "account.tenantId": tenantId } },
        body: { account: { ...values, tenantId }, version: known.version },
      }),
    ).finally(refresh);
  return (
    <FormModal
      title={t("clients.account", { name })}
      size="lg"
      onClose={onClose}
      onSave={save}
      testId="company-account"
    >
      <BuyerFields values={values} onChange={(more) => setValues({ ...values, ...more })} />
    </FormModal>
  );
}
