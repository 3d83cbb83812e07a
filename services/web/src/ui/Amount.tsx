import type { Money } from "../api/types.ts";
import { formatMoney } from "../format/numbers.ts";
import { useLanguage } from "../i18n/index.ts";

/** Money in the reader's language, as the server gave it; a dash where there is none. */
export function MoneyAmount({ money }: { money: Money | undefined }) {
  const language = useLanguage();
  if (!money?.amount) return <>–</>;
  return (
    <bdi className="m-figures" style={{ whiteSpace: "nowrap" }}>
      {formatMoney(money.amount, money.currency ?? "", language)}
    </bdi>
  );
}
