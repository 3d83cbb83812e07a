import { Modal } from "@mantine/core";
import { api, ask } from "../../../api/client.ts";
import type { IssuedLine, LineRecord } from "../../../api/types.ts";
import { formatNumber, roundDecimal } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, lineText } from "./parts.tsx";
import { Source } from "./Source.tsx";

interface Props {
  invoiceId: string;
  line: IssuedLine;
  onClose: () => void;
}

/** What a line was made of: each call, or how long each seat, number or recording was held. */
export function LineRecords({ invoiceId, line, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const { query, rows } = usePages<LineRecord>(["lineRecords", invoiceId, line.lineId], async (pageToken) => {
    const params = { path: { invoiceId }, query: { lineId: line.lineId ?? "", pageToken } };
    const answer = await ask(api.GET("/v1/invoices/{invoiceId}/lineRecords", { params }));
    return { rows: answer.records ?? [], next: answer.nextPageToken ?? "" };
  });
  const used = rows.some((row) => row.usageRecord);
  const quantity = (row: LineRecord) => (
    <span className="m-figures">{formatNumber(roundDecimal(row.quantity || "0", 4), language)}</span>
  );
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t("invoice.recordsOf", { what: lineText(line) })}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="line-records"
    >
      <PagedPanel query={query} rows={rows} empty={<p className={watch.faint}>{t("invoice.noRecords")}</p>}>
        {(shown) => (
          <DataTable
            label={t("invoice.records")}
            rows={shown}
            keyOf={(row) => row.usageRecord?.usageRecordId ?? `${row.itemId}${row.startTime}`}
            testId={(row) => `record-${row.usageRecord?.usageRecordId ?? row.itemId}`}
            columns={
              used
                ? [
                    { head: t("admin.audit.when"), cell: (row) => <DateTime value={row.startTime} /> },
                    {
                      head: t("billing.source"),
                      cell: (row) => <Source id={row.usageRecord?.sourceId ?? ""} />,
                    },
                    {
                      head: t("billing.billed"),
                      cell: (row) =>
                        t("billing.seconds", {
                          count: formatNumber(row.usageRecord?.billedSeconds ?? "0", language),
                        }),
                    },
                    { head: t("billing.quantity"), cell: quantity },
                    { head: t("billing.charge"), cell: (row) => <Cost money={row.usageRecord?.charge} /> },
                  ]
                : [
                    { head: t("invoice.item"), cell: (row) => <Source id={row.itemId ?? ""} /> },
                    { head: t("invoice.from"), cell: (row) => <DateTime value={row.startTime} /> },
                    { head: t("invoice.to"), cell: (row) => <DateTime value={row.endTime} /> },
                    { head: t("billing.quantity"), cell: quantity },
                  ]
            }
          />
        )}
      </PagedPanel>
    </Modal>
  );
}
