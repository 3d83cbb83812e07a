import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Coupon } from "../../../api/types.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField } from "../../../ui/fields.tsx";
import { howLong, takesOff } from "./says.ts";

interface Props {
  coupon: Coupon;
  onClose: () => void;
  onDone: () => Promise<void>;
}

interface Company {
  value: string;
  label: string;
}

const PAUSE_MS = 300;

/** Gives a company a coupon, so that it needn't type the code. The server finds companies among however many there are. */
export function GiveCoupon({ coupon, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [requestId] = useState(newRequestId);
  const [chosen, setChosen] = useState<Company>();
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed === chosen?.label ? "" : typed.trim(), PAUSE_MS);
  const { data } = useQuery({
    queryKey: ["operatorTenants", "giving", wanted],
    queryFn: () =>
      ask(
        api.GET("/v1/operator/tenants", { params: { query: { pageSize: 50, query: wanted || undefined } } }),
      ),
    placeholderData: (before) => before,
  });
  const found = (data?.tenants ?? []).map(({ tenant }) => ({
    value: tenant?.tenantId ?? "",
    label: tenant?.displayName ?? "",
  }));
  const shown = chosen && !found.some(({ value }) => value === chosen.value) ? [chosen, ...found] : found;
  const save = async () => {
    const params = { path: { tenantId: chosen?.value ?? "" } };
    const body = { requestId, couponId: coupon.couponId ?? "" };
    await ask(api.POST("/v1/operator/tenants/{tenantId}/coupons:give", { params, body })).finally(onDone);
    toast(t("coupons.given", { company: chosen?.label ?? "", code: coupon.code ?? "" }));
  };
  return (
    <FormModal
      title={t("coupons.giveTitle", { code: coupon.code ?? "" })}
      onClose={onClose}
      onSave={save}
      saveLabel={t("coupons.give")}
      testId="coupon-give"
    >
      <p style={{ margin: 0 }}>
        <bdi>{takesOff(coupon, language)}</bdi> · {howLong(coupon, language, t)}
      </p>
      <SelectField
        label={t("coupons.company")}
        description={t("coupons.giveHint")}
        inputWrapperOrder={HINT_BELOW}
        required
        searchable
        data={shown}
        filter={({ options }) => options}
        nothingFoundMessage={t("coupons.noCompany")}
        searchValue={typed}
        onSearchChange={setTyped}
        value={chosen?.value ?? null}
        onChange={(value) => setChosen(shown.find((each) => each.value === value))}
        data-testid="coupon-company"
      />
    </FormModal>
  );
}
