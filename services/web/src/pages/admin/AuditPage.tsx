import { IconBook2 } from "@tabler/icons-react";
import { api, ask } from "../../api/client.ts";
import { useLocked } from "../../api/plan.ts";
import type { AuditEntry } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FeatureLocked } from "../../ui/FeatureLocked.tsx";
import { ListPage } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";

export default function AuditPage() {
  const t = useText();
  const locked = useLocked("audit");
  if (locked === undefined) return <Loading />;
  if (locked) {
    return (
      <>
        <PageHeader title={t("nav.audit")} subtitle={t("admin.audit.lead")} />
        <FeatureLocked feature="audit" />
      </>
    );
  }
  return (
    <ListPage<AuditEntry>
      noun="audit"
      title={t("nav.audit")}
      lead={t("admin.audit.lead")}
      queryKey={["audit"]}
      icon={IconBook2}
      emptyTitle={t("admin.audit.none")}
      emptyBody={t("admin.audit.noneBody")}
      read={async (pageToken) => {
        const answer = await ask(
          api.GET("/v1/auditEntries", { params: { query: { pageToken, pageSize: 100 } } }),
        );
        return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
      }}
      idOf={(row) => row.auditEntryId}
      nameOf={(row) => row.action}
      columns={[
        { head: t("admin.audit.when"), cell: (row) => <DateTime value={row.createTime} /> },
        { head: t("admin.audit.who"), cell: (row) => <bdi>{row.subjectName || row.subject}</bdi> },
        {
          head: t("admin.audit.what"),
          cell: (row) => <span className="m-ltr">{(row.action ?? "").split("/").at(-1)}</span>,
        },
        {
          head: t("admin.audit.target"),
          cell: (row) => (
            <span className="m-ltr" style={{ maxWidth: 260, overflowWrap: "anywhere", fontSize: "0.82rem" }}>
              {row.target || "–"}
            </span>
          ),
        },
        {
          head: t("admin.audit.outcome"),
          cell: (row) => <Tag tone={row.outcome === "OK" ? "good" : "warn"}>{row.outcome}</Tag>,
        },
        {
          head: t("admin.audit.address"),
          cell: (row) => <span className="m-ltr m-figures">{row.address || "–"}</span>,
        },
      ]}
    />
  );
}
