import { Anchor, Button, Select } from "@mantine/core";
import { IconFileUpload, IconSitemap } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { Flow } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { LanguageSelect, SelectField, TextField } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { ImportDialog } from "./code/ImportDialog.tsx";
import { useHours } from "./useFlow.ts";

export default function FlowsPage() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("flows", "flowList");
  const [adding, setAdding] = useState(false);
  const [reading, setReading] = useState(false);
  const [, navigate] = useLocation();
  const remove = async (flowId: string) => {
    await ask(api.DELETE("/v1/flows/{flowId}", { params: { path: { flowId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Flow>
        noun="flow"
        title={t("nav.flows")}
        lead={t("flows.lead")}
        queryKey={["flowList"]}
        icon={IconSitemap}
        emptyTitle={t("flows.none")}
        emptyBody={t("flows.noneBody")}
        add={{ label: t("flows.add"), onClick: () => setAdding(true) }}
        more={
          <Button
            variant="default"
            leftSection={<IconFileUpload size={17} aria-hidden />}
            onClick={() => setReading(true)}
            data-testid="flow-import-new"
          >
            {t("flowFile.import")}
          </Button>
        }
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/flows", { params: { query: { pageToken } } }));
          return { rows: answer.flows ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.flowId}
        nameOf={(row) => row.displayName}
        remove={{ run: remove, body: t("flows.deleteBody") }}
        columns={[
          {
            head: t("common.name"),
            cell: (row) => (
              <Anchor component={Link} href={`/admin/flows/${row.flowId}`}>
                <bdi>{row.displayName}</bdi>
              </Anchor>
            ),
          },
          {
            head: t("flows.release"),
            cell: (row) =>
              row.releaseId ? (
                <Tag tone="good">
                  {t("flows.number", { number: formatNumber(row.releaseNumber ?? 0, language) })}
                </Tag>
              ) : (
                <Tag tone="warn">{t("flows.unpublished")}</Tag>
              ),
          },
          { head: t("flows.changed"), cell: (row) => <DateTime value={row.updateTime ?? row.createTime} /> },
        ]}
      />
      {reading && (
        <ImportDialog
          onClose={() => setReading(false)}
          onImported={async (flow) => {
            await refresh();
            navigate(`/admin/flows/${flow.flowId}`);
          }}
        />
      )}
      {adding && <NewFlow onClose={() => setAdding(false)} />}
    </>
  );
}

const EMPTY = "";

/** A new flow: from a template with what it asks for, or empty. Opens in the editor. */
function NewFlow({ onClose }: { onClose: () => void }) {
  const t = useText();
  const language = useLanguage();
  const [, navigate] = useLocation();
  const refresh = useRefresh("flows", "flowList");
  const templates =
    useQuery({ queryKey: ["templates"], queryFn: () => ask(api.GET("/v1/flowTemplates")) }).data?.templates ??
    [];
  const queues = useQueues().data ?? [];
  const hours = useHours().data ?? [];
  const [name, setName] = useState("");
  const [templateId, setTemplateId] = useState(EMPTY);
  const [spoken, setSpoken] = useState<string>(language);
  const [parameters, setParameters] = useState<Record<string, string>>({});
  const template = templates.find((each) => each.templateId === templateId);
  const asked = template?.parameters ?? [];
  const set = (key: string) => (value: string | null) =>
    setParameters((before) => ({ ...before, [key]: value ?? "" }));
  const save = async () => {
    const draft = { start: "", steps: [], language: spoken };
    const given = Object.fromEntries(asked.map((key) => [key, parameters[key] ?? ""]));
    const body = template
      ? { flow: { displayName: name }, templateId, parameters: { ...given, language: spoken } }
      : { flow: { displayName: name, draft } };
    const flow = await ask(api.POST("/v1/flows", { body: { requestId: newRequestId(), ...body } }));
    await refresh();
    navigate(`/admin/flows/${flow.flowId}`);
  };
  return (
    <FormModal
      title={t("flows.add")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("common.create")}
      testId="flow"
    >
      <TextField
        label={t("common.name")}
        required
        data-autofocus
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="flow-name"
      />
      <Select
        label={t("setUp.flow.template")}
        description={template?.summaries?.[language]}
        data={[
          { value: "-", label: t("flows.empty") },
          ...templates.map((each) => ({ value: each.templateId ?? "", label: each.names?.[language] ?? "" })),
        ]}
        value={templateId || "-"}
        onChange={(value) => setTemplateId(value === "-" || !value ? EMPTY : value)}
        data-testid="flow-template"
      />
      <LanguageSelect label={t("flows.language")} value={spoken} onChange={setSpoken} />
      {asked.includes("queue_id") && (
        <SelectField
          label={t("desktop.queue")}
          required
          data={optionsOf(queues, "queueId")}
          value={parameters.queue_id || null}
          onChange={set("queue_id")}
        />
      )}
      {asked.includes("business_hours_id") && (
        <SelectField
          label={t("nav.hours")}
          required
          data={optionsOf(hours, "businessHoursId")}
          value={parameters.business_hours_id || null}
          onChange={set("business_hours_id")}
        />
      )}
    </FormModal>
  );
}
