import { Button, Modal, Stack, Switch } from "@mantine/core";
import { IconDeviceLandlinePhone } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useBrands, useNames, useUsers } from "../../api/names.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Device } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { CopyField } from "../../ui/CopyField.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField, TextField } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Note, Tag } from "../../ui/Note.tsx";

interface Made {
  userName: string;
  secret: string;
  domain: string;
}

export default function DevicesPage() {
  const t = useText();
  const names = useNames();
  const refresh = useRefresh("devices");
  const [editing, setEditing] = useState<Device>();
  const [made, setMade] = useState<Made>();
  const remove = async (deviceId: string) => {
    await ask(api.DELETE("/v1/devices/{deviceId}", { params: { path: { deviceId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Device>
        noun="device"
        title={t("nav.devices")}
        lead={t("devices.lead")}
        queryKey={["devices"]}
        icon={IconDeviceLandlinePhone}
        emptyTitle={t("devices.none")}
        emptyBody={t("devices.noneBody")}
        add={{ label: t("devices.add"), onClick: () => setEditing({}) }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/devices", { params: { query: { pageToken } } }));
          return { rows: answer.devices ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.deviceId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("devices.deleteBody") }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          { head: t("devices.agent"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
          { head: t("trunks.userName"), cell: (row) => <code className="m-ltr">{row.userName}</code> },
          { head: t("devices.brand"), cell: (row) => <DialsFor device={row} /> },
          { head: t("trunks.state"), cell: (row) => <Reach device={row} /> },
        ]}
      />
      {editing && (
        <DeviceForm
          device={editing}
          onClose={() => setEditing(undefined)}
          onMade={setMade}
          onSaved={refresh}
        />
      )}
      {made && <SecretOnce made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

/** In whose name the phone calls out: the brand it was given, else the company's only one. */
function DialsFor({ device }: { device: Device }) {
  const t = useText();
  const names = useNames();
  const brands = useBrands().data ?? [];
  const only = brands.length === 1 ? brands[0]?.brandId : undefined;
  const brandId = device.brandId || only;
  if (brandId) return <bdi>{names.brand(brandId)}</bdi>;
  return brands.length > 1 ? <Tag tone="warn">{t("devices.noBrand")}</Tag> : null;
}

function Reach({ device }: { device: Device }) {
  const t = useText();
  const bindings = device.bindings ?? [];
  if (!device.enabled) return <Tag tone="warn">{t("trunks.disabled")}</Tag>;
  const silent = bindings.length > 0 && bindings.every((each) => each.unreachable);
  return (
    <>
      <Tag tone={silent ? "bad" : bindings.length > 0 ? "good" : "neutral"} dot>
        {t(silent ? "devices.silent" : bindings.length > 0 ? "devices.reachable" : "devices.unreachable")}
      </Tag>
      {bindings.map((each) => (
        <div key={each.contact} style={{ color: "var(--m-muted)", fontSize: "0.85rem" }}>
          <bdi>{each.userAgent}</bdi> <span className="m-ltr">{each.source}</span>
          {each.unreachable && <div>{t("devices.silentBody")}</div>}
        </div>
      ))}
    </>
  );
}

function DeviceForm(props: {
  device: Device;
  onClose: () => void;
  onMade: (made: Made) => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const { deviceId, version } = props.device;
  const users = useUsers().data ?? [];
  const brands = useBrands().data ?? [];
  const [name, setName] = useState(props.device.displayName ?? "");
  const [agentId, setAgentId] = useState(props.device.agentId ?? "");
  const [chosen, setChosen] = useState(props.device.brandId);
  // A new phone keeps the only brand there is, also when others come later.
  const brandId = chosen ?? (!deviceId && brands.length === 1 ? brands[0]?.brandId : "") ?? "";
  const [enabled, setEnabled] = useState(props.device.enabled ?? true);
  const [requestId] = useState(newRequestId);
  const save = async () => {
    if (deviceId) {
      const path = { "device.deviceId": deviceId };
      const device = { deviceId, displayName: name, enabled, brandId };
      const body = { device, updateMask: "displayName,enabled,brandId", version };
      await ask(api.PATCH("/v1/devices/{device.deviceId}", { params: { path }, body }));
    } else {
      const device = { displayName: name, agentId, brandId };
      const answer = await ask(api.POST("/v1/devices", { body: { requestId, device } }));
      const userName = answer.device?.userName ?? "";
      props.onMade({ userName, secret: answer.secret ?? "", domain: answer.domain ?? "" });
    }
    await props.onSaved();
  };
  return (
    <FormModal
      title={deviceId ? t("devices.edit") : t("devices.add")}
      onClose={props.onClose}
      onSave={save}
      testId="device"
    >
      {(problem) => (
        <>
          <TextField
            label={t("devices.name")}
            required
            data-autofocus
            maxLength={120}
            value={name}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="device-name"
          />
          {deviceId ? (
            <Switch
              label={t("devices.enabled")}
              checked={enabled}
              onChange={(event) => setEnabled(event.currentTarget.checked)}
              data-testid="device-enabled"
            />
          ) : (
            <SelectField
              label={t("devices.agent")}
              required
              searchable
              data={optionsOf(
                users.filter((each) => each.state !== "USER_STATE_DISABLED"),
                "userId",
              )}
              value={agentId || null}
              error={fieldProblem(problem, "agentId")}
              onChange={(value) => setAgentId(value ?? "")}
              data-testid="device-agent"
            />
          )}
          <SelectField
            label={t("devices.brand")}
            description={brands.length > 1 && !brandId ? t("devices.brandNeeded") : t("devices.brandHint")}
            inputWrapperOrder={HINT_BELOW}
            searchable
            clearable
            data={optionsOf(brands, "brandId")}
            value={brandId || null}
            error={fieldProblem(problem, "brandId")}
            onChange={(value) => setChosen(value ?? "")}
            data-testid="device-brand"
          />
        </>
      )}
    </FormModal>
  );
}

/** What is typed into the phone. The secret is in this answer alone. */
function SecretOnce({ made, onClose }: { made: Made; onClose: () => void }) {
  const t = useText();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("devices.secretTitle")}
      size="lg"
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Note tone="warn">{t("devices.secretBody")}</Note>
        {made.domain && <Named label={t("devices.domain")} value={made.domain} testId="device-domain" />}
        <Named label={t("trunks.userName")} value={made.userName} testId="device-user" />
        <Named label={t("devices.secret")} value={made.secret} testId="device-secret" />
        <Button onClick={onClose} data-testid="device-done">
          {t("common.done")}
        </Button>
      </Stack>
    </Modal>
  );
}

function Named({ label, value, testId }: { label: string; value: string; testId: string }) {
  return (
    <div>
      <div style={{ fontWeight: 600, fontSize: "0.9rem", marginBlockEnd: 4 }} aria-hidden>
        {label}
      </div>
      <CopyField value={value} label={label} testId={testId} />
    </div>
  );
}
