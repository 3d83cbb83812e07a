import { Button, Select } from "@mantine/core";
import { IconHash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { optionsOf, useBrands, useNames } from "../../api/names.ts";
import type { PhoneNumber } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { useFlows } from "../flows/useFlow.ts";
import { BringNumbers } from "./BringNumbers.tsx";
import { EmergencyAddresses } from "./numbers/EmergencyAddresses.tsx";
import { typeName } from "./numbers/kinds.ts";
import { RestingNumbers, TakeNumber } from "./numbers/TakeNumber.tsx";
import { useTrunks } from "./useTrunks.ts";

/** Kinds nobody has to be told of. */
const PLAIN = new Set(["NUMBER_TYPE_UNSPECIFIED", "NUMBER_TYPE_LOCAL"]);
/** The choice that binds a number to no trunk: a list of choices has no empty value. */
const UNBOUND = "unbound";

export default function NumbersPage() {
  const t = useText();
  const names = useNames();
  const refresh = useRefresh("numbers", "freeNumbers", "brands", "brandList");
  const [adding, setAdding] = useState(false);
  const [emergency, setEmergency] = useState(false);
  const [bringing, setBringing] = useState(false);
  const [editing, setEditing] = useState<PhoneNumber>();
  const { trunks } = useTrunks();
  const trunkOf = (row: PhoneNumber) => trunks.find((each) => each.trunkId === row.trunkId)?.displayName;
  const resting = useQuery({
    queryKey: ["freeNumbers", "kept"],
    queryFn: async () => {
      const answer = await ask(api.GET("/v1/numbers:available", { params: { query: { kept: true } } }));
      return { numbers: (answer.numbers ?? []).filter((each) => each.kept === "NUMBER_KEPT_QUARANTINE") };
    },
  });
  const release = async (number: string) => {
    await ask(api.DELETE("/v1/numbers/{number}", { params: { path: { number } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<PhoneNumber>
        noun="number"
        title={t("nav.numbers")}
        lead={t("admin.numbers.lead")}
        queryKey={["numbers"]}
        icon={IconHash}
        emptyTitle={t("admin.numbers.none")}
        emptyBody={t("admin.numbers.noneBody")}
        add={{ label: t("admin.numbers.add"), onClick: () => setAdding(true) }}
        more={
          <>
            <Button
              component={Link}
              href="/admin/numbers/porting"
              variant="default"
              data-testid="number-port"
            >
              {t("porting.open")}
            </Button>
            <Button variant="default" onClick={() => setEmergency(true)} data-testid="number-emergency">
              {t("emergency.title")}
            </Button>
            <Button variant="default" onClick={() => setBringing(true)} data-testid="number-bring">
              {t("numbers.bring")}
            </Button>
          </>
        }
        note={<RestingNumbers numbers={resting.data?.numbers ?? []} onTake={() => setAdding(true)} />}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/numbers", { params: { query: { pageToken } } }));
          return { rows: answer.numbers ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.number}
        nameOf={(row) => row.number}
        onEdit={setEditing}
        remove={{
          run: release,
          title: (number) => t("admin.numbers.release", { number }),
          body: t("numberSearch.releaseBody"),
          confirm: t("admin.numbers.releaseAction"),
        }}
        columns={[
          {
            head: t("setUp.number.pick"),
            cell: (row) => (
              <>
                <span className="m-ltr m-figures">{row.number}</span>{" "}
                {row.test && <Tag>{t("admin.numbers.test")}</Tag>}
                {row.type && !PLAIN.has(row.type) && <Tag>{typeName(row.type)}</Tag>}
                {row.ported && <Tag tone="good">{t("porting.ported")}</Tag>}
                {row.brought && !row.trunkId && <Tag tone="warn">{t("numbers.noTrunk")}</Tag>}
                {row.brought && row.trunkId && (
                  <Tag tone="info">
                    <bdi>{trunkOf(row) ?? t("numbers.own")}</bdi>
                  </Tag>
                )}{" "}
                {row.brought && !row.approveTime && <Tag tone="warn">{t("numbers.waits")}</Tag>}
              </>
            ),
          },
          { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
          { head: t("admin.numbers.flow"), cell: (row) => <FlowName flowId={row.flowId} /> },
          { head: t("admin.numbers.since"), cell: (row) => <DateTime value={row.assignTime} /> },
        ]}
      />
      {emergency && <EmergencyAddresses onClose={() => setEmergency(false)} />}
      {bringing && <BringNumbers onClose={() => setBringing(false)} onSaved={refresh} />}
      {adding && <TakeNumber onClose={() => setAdding(false)} onSaved={refresh} />}
      {editing && <NumberForm number={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
    </>
  );
}

function FlowName({ flowId }: { flowId: string | undefined }) {
  const t = useText();
  const flow = useFlows().data?.find((each) => each.flowId === flowId);
  return flow ? <bdi>{flow.displayName}</bdi> : <Tag tone="warn">{t("admin.numbers.noFlow")}</Tag>;
}

function NumberForm(props: { number: PhoneNumber; onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const brands = useBrands().data ?? [];
  const flows = useFlows().data ?? [];
  const [brandId, setBrandId] = useState(props.number.brandId ?? "");
  const [flowId, setFlowId] = useState(props.number.flowId ?? "");
  const [trunkId, setTrunkId] = useState(props.number.trunkId ?? "");
  const { trunks } = useTrunks();
  const brought = props.number.brought ?? false;
  const save = async () => {
    const number = props.number.number ?? "";
    const body = {
      number: { number, brandId, flowId, trunkId },
      updateMask: brought ? "brandId,flowId,trunkId" : "brandId,flowId",
      version: props.number.version,
    };
    await ask(
      api.PATCH("/v1/numbers/{number.number}", { params: { path: { "number.number": number } }, body }),
    );
    await props.onSaved();
  };
  return (
    <FormModal title={t("admin.numbers.edit")} onClose={props.onClose} onSave={save} testId="number">
      <SelectField
        label={t("desktop.brand")}
        required
        data={optionsOf(brands, "brandId")}
        value={brandId || null}
        onChange={(value) => setBrandId(value ?? "")}
      />
      <Select
        label={t("admin.numbers.flow")}
        data={optionsOf(flows, "flowId")}
        value={flowId || null}
        onChange={(value) => setFlowId(value ?? "")}
      />
      {brought && (
        <Select
          label={t("numbers.trunk")}
          description={t("numbers.unboundHint")}
          inputWrapperOrder={HINT_BELOW}
          data={[{ value: UNBOUND, label: t("numbers.noTrunk") }, ...optionsOf(trunks, "trunkId")]}
          value={trunkId || UNBOUND}
          onChange={(value) => setTrunkId(value === UNBOUND ? "" : (value ?? ""))}
          data-testid="number-trunk"
        />
      )}
      {flows.length === 0 && (
        <Button component="a" href="/admin/flows" variant="subtle">
          {t("nav.flows")}
        </Button>
      )}
    </FormModal>
  );
}
