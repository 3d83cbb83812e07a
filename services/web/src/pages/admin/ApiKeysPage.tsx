import { Anchor, Button, Group, Modal, Stack } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useLocked } from "../../api/plan.ts";
import type { ApiKey } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { CopyField } from "../../ui/CopyField.tsx";
import { FeatureLocked } from "../../ui/FeatureLocked.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { MultiSelectField, TextField } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Note, Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { SCOPES } from "./scopes.ts";

export default function ApiKeysPage() {
  const t = useText();
  const refresh = useRefresh("apiKeys");
  const locked = useLocked("api");
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState("");
  const revoke = async (apiKeyId: string) => {
    await ask(api.POST("/v1/apiKeys/{apiKeyId}:revoke", { params: { path: { apiKeyId } }, body: {} }));
    await refresh();
  };
  return (
    <>
      <ListPage<ApiKey>
        noun="apikey"
        title={t("nav.apiKeys")}
        lead={t("admin.apiKeys.lead")}
        queryKey={["apiKeys"]}
        icon={IconKey}
        emptyTitle={t("admin.apiKeys.none")}
        emptyBody={t("admin.apiKeys.noneBody")}
        note={locked && <FeatureLocked feature="api" />}
        add={locked === false && { label: t("admin.apiKeys.add"), onClick: () => setAdding(true) }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/apiKeys", { params: { query: { pageToken } } }));
          return { rows: answer.apiKeys ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.apiKeyId}
        nameOf={(row) => row.displayName}
        remove={{
          run: revoke,
          title: () => t("admin.apiKeys.revoke"),
          body: (name) => t("admin.apiKeys.revokeBody", { name }),
          label: t("admin.apiKeys.revoke"),
          allowed: (row) => !row.revokeTime,
        }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          { head: t("admin.apiKeys.prefix"), cell: (row) => <code className="m-ltr">{row.prefix}…</code> },
          {
            head: t("admin.apiKeys.scopes"),
            cell: (row) => (
              <Group gap={4} dir="ltr" maw={340}>
                {(row.scopes ?? []).map((scope) => (
                  <Tag key={scope}>{scope}</Tag>
                ))}
              </Group>
            ),
          },
          {
            head: t("admin.apiKeys.lastUse"),
            cell: (row) =>
              row.revokeTime ? (
                <Tag tone="bad">{t("admin.apiKeys.revoked")}</Tag>
              ) : (
                <DateTime value={row.lastUseTime} />
              ),
          },
        ]}
      />
      <p>
        <Anchor href="/docs" target="_blank" rel="noreferrer">
          {t("admin.apiKeys.docs")}
        </Anchor>
      </p>
      {adding && <ApiKeyForm onClose={() => setAdding(false)} onMade={setSecret} onSaved={refresh} />}
      <SecretOnce secret={secret} onClose={() => setSecret("")} />
    </>
  );
}

function ApiKeyForm(props: {
  onClose: () => void;
  onMade: (secret: string) => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([
    "queues.read",
    "contacts.read",
    "recordings.read",
    "events.read",
  ]);
  const save = async () => {
    const apiKey = { displayName: name, scopes };
    const answer = await ask(api.POST("/v1/apiKeys", { body: { requestId: newRequestId(), apiKey } }));
    props.onMade(answer.secret ?? "");
    await props.onSaved();
  };
  return (
    <FormModal title={t("admin.apiKeys.add")} onClose={props.onClose} onSave={save} testId="apikey">
      <TextField
        label={t("admin.apiKeys.purpose")}
        required
        data-autofocus
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="apikey-name"
      />
      <MultiSelectField
        label={t("admin.apiKeys.scopes")}
        description={t("admin.apiKeys.scopesHint")}
        required
        searchable
        data={SCOPES}
        value={scopes}
        onChange={setScopes}
      />
    </FormModal>
  );
}

function SecretOnce({ secret, onClose }: { secret: string; onClose: () => void }) {
  const t = useText();
  return (
    <Modal
      opened={secret !== ""}
      onClose={onClose}
      title={t("admin.apiKeys.secretTitle")}
      size="lg"
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Note tone="warn">{t("admin.apiKeys.secretBody")}</Note>
        <CopyField value={secret} label={t("admin.apiKeys.secretTitle")} testId="apikey-secret" />
        <Button onClick={onClose} data-testid="apikey-done">
          {t("common.done")}
        </Button>
      </Stack>
    </Modal>
  );
}
