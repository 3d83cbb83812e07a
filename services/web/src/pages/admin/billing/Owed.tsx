import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { asProblem } from "../../../api/problem.ts";
import { formatNumber, roundDecimal } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Note } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, Days } from "./parts.tsx";

/** What a resold company owes its reseller; nothing for who is billed by the platform. */
export function Owed() {
  const t = useText();
  const language = useLanguage();
  const { data, error, refetch } = useQuery({
    queryKey: ["resoldStatement"],
    queryFn: () =>
      ask(api.GET("/v1/resoldStatement")).catch((error: unknown) => {
        if (asProblem(error).reason === "NOT_RESOLD") return null;
        throw error;
      }),
    retry: false,
  });
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  return (
    <section aria-label={t("resale.mine")} data-testid="owed">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("resale.mine")} · <Days start={data.periodStartTime} end={data.periodEndTime} />
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("resale.mineLead")}
      </p>
      {data.price ? (
        <Panel flush>
          <DataTable
            label={t("resale.mine")}
            rows={data.lines ?? []}
            keyOf={(line) => line.lineId ?? ""}
            columns={[
              {
                head: t("billing.line"),
                cell: (line) =>
                  line.meter ? textOr("meter", line.meter) : textOr("invoice.kind", line.kind ?? ""),
              },
              {
                head: t("billing.quantity"),
                cell: (line) => formatNumber(roundDecimal(line.quantity || "0", 4), language),
              },
              { head: t("billing.amount"), cell: (line) => <Cost money={line.price} /> },
            ]}
          />
          <p className={watch.padTitle}>
            {t("billing.total")}: <Cost money={data.price} />
          </p>
        </Panel>
      ) : (
        <Note>{t("resale.noPrice")}</Note>
      )}
    </section>
  );
}
