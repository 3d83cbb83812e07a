import { Table } from "@mantine/core";
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
    >
      {(rows) => (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("admin.audit.when")}</Table.Th>
              <Table.Th>{t("admin.audit.who")}</Table.Th>
              <Table.Th>{t("admin.audit.what")}</Table.Th>
              <Table.Th>{t("admin.audit.target")}</Table.Th>
              <Table.Th>{t("admin.audit.outcome")}</Table.Th>
              <Table.Th>{t("admin.audit.address")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((entry) => (
              <Table.Tr key={entry.auditEntryId}>
                <Table.Td>
                  <DateTime value={entry.createTime} />
                </Table.Td>
                <Table.Td>
                  <bdi>{entry.subjectName || entry.subject}</bdi>
                </Table.Td>
                <Table.Td>
                  <span className="m-ltr">{(entry.action ?? "").split("/").at(-1)}</span>
                </Table.Td>
                <Table.Td style={{ maxWidth: 260, overflowWrap: "anywhere", fontSize: "0.82rem" }}>
                  <span className="m-ltr">{entry.target || "–"}</span>
                </Table.Td>
                <Table.Td>
                  <Tag tone={entry.outcome === "OK" ? "good" : "warn"}>{entry.outcome}</Tag>
                </Table.Td>
                <Table.Td>
                  <span className="m-ltr m-figures">{entry.address || "–"}</span>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </ListPage>
  );
}
