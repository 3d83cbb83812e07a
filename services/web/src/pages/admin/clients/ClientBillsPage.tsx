import { useText } from "../../../i18n/index.ts";
import { PageHeader } from "../../../ui/Page.tsx";
import watch from "../../watch/watch.module.css";
import { Bills } from "./Bills.tsx";
import { Companies } from "./Companies.tsx";
import { Period } from "./Period.tsx";
import { PriceLists } from "./PriceLists.tsx";
import { Sender } from "./Sender.tsx";

/** What the clients whose brands are served used, pay and were billed. */
export default function ClientBillsPage() {
  const t = useText();
  return (
    <>
      <PageHeader title={t("clients.title")} subtitle={t("clients.lead")} />
      <div className={watch.stack}>
        <Period />
        <Bills />
        <PriceLists />
        <Companies />
        <Sender />
      </div>
    </>
  );
}
