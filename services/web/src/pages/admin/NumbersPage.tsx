import { Button, Select, Table } from "@mantine/core";
import { IconHash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useBrands, useNames } from "../../api/names.ts";
import type { Flow, PhoneNumber } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { DateTime } from "../../ui/Time.tsx";

export function useFlows() {
  return useQuery({
    queryKey: ["flows"],
    queryFn: async (): Promise<Flow[]> =>
      (await ask(api.GET("/v1/flows", { params: { query: { pageSize: 200 } } }))).flows ?? [],
  });
}

export default function NumbersPage() {
  const t = useText();
  const names = useNames();
  const flows = useFlows().data ?? [];
  const refresh = useRefresh("numbers", "freeNumbers", "brands", "brandList");
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<PhoneNumber>();
  const [releasing, setReleasing] = useState<PhoneNumber>();
  const release = async (number: string) => {
    await ask(api.DELETE("/v1/numbers/{number}", { params: { path: { number } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<PhoneNumber>
        title={t("nav.numbers")}
        lead={t("admin.numbers.lead")}
        queryKey={["numbers"]}
        icon={IconHash}
        emptyTitle={t("admin.numbers.none")}
        emptyBody={t("admin.numbers.noneBody")}
        add={{ label: t("admin.numbers.add"), onClick: () => setAdding(true), testId: "number-add" }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/numbers", { params: { query: { pageToken } } }));
          return { rows: answer.numbers ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("setUp.number.pick")}</Table.Th>
                <Table.Th>{t("desktop.brand")}</Table.Th>
                <Table.Th>{t("admin.numbers.flow")}</Table.Th>
                <Table.Th>{t("admin.numbers.since")}</Table.Th>
                <Table.Th aria-label={t("common.actions")} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((number) => {
                const flow = flows.find((each) => each.flowId === number.flowId);
                return (
                  <Table.Tr key={number.number} data-testid={`number-${number.number}`}>
                    <Table.Td>
                      <span className="m-ltr m-figures">{number.number}</span>{" "}
                      {number.test && <Tag>{t("admin.numbers.test")}</Tag>}
                    </Table.Td>
                    <Table.Td>
                      <bdi>{names.brand(number.brandId)}</bdi>
                    </Table.Td>
                    <Table.Td>
                      {flow ? (
                        <bdi>{flow.displayName}</bdi>
                      ) : (
                        <Tag tone="warn">{t("admin.numbers.noFlow")}</Tag>
                      )}
                    </Table.Td>
                    <Table.Td>
                      <DateTime value={number.assignTime} />
                    </Table.Td>
                    <Table.Td>
                      <RowActions
                        name={number.number ?? ""}
                        testId={`number-${number.number}`}
                        onEdit={() => setEditing(number)}
                        onDelete={() => setReleasing(number)}
                      />
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {adding && <NumberForm onClose={() => setAdding(false)} onSaved={refresh} />}
      {editing && <NumberForm number={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      <Confirm
        opened={releasing !== undefined}
        title={t("admin.numbers.release", { number: releasing?.number ?? "" })}
        body={t("admin.numbers.releaseBody")}
        confirm={t("admin.numbers.releaseAction")}
        onClose={() => setReleasing(undefined)}
        onConfirm={() => release(releasing?.number ?? "")}
      />
    </>
  );
}

function NumberForm(props: { number?: PhoneNumber; onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const brands = useBrands().data ?? [];
  const flows = useFlows().data ?? [];
  const free = useQuery({
    queryKey: ["freeNumbers"],
    queryFn: () => ask(api.GET("/v1/numbers:available", { params: { query: { pageSize: 100 } } })),
    enabled: !props.number,
  });
  const [number, setNumber] = useState(props.number?.number ?? "");
  const [brandId, setBrandId] = useState(props.number?.brandId ?? brands[0]?.brandId ?? "");
  const [flowId, setFlowId] = useState(props.number?.flowId ?? flows[0]?.flowId ?? "");
  const save = async () => {
    if (props.number) {
      const body = {
        number: { number, brandId, flowId },
        updateMask: "brandId,flowId",
        version: props.number.version,
      };
      await ask(
        api.PATCH("/v1/numbers/{number.number}", { params: { path: { "number.number": number } }, body }),
      );
    } else
      await ask(api.POST("/v1/numbers", { body: { requestId: newRequestId(), number, brandId, flowId } }));
    await props.onSaved();
  };
  return (
    <FormModal
      title={props.number ? t("admin.numbers.edit") : t("admin.numbers.add")}
      onClose={props.onClose}
      onSave={save}
      testId="number"
    >
      {!props.number && (
        <Select
          label={t("setUp.number.pick")}
          required
          searchable
          data={(free.data?.numbers ?? []).map((each) => each.number ?? "")}
          value={number || null}
          onChange={(value) => setNumber(value ?? "")}
          nothingFoundMessage={t("setUp.number.none")}
        />
      )}
      <Select
        label={t("desktop.brand")}
        required
        data={brands.map((brand) => ({ value: brand.brandId ?? "", label: brand.displayName ?? "" }))}
        value={brandId || null}
        onChange={(value) => setBrandId(value ?? "")}
      />
      <Select
        label={t("admin.numbers.flow")}
        data={flows.map((flow) => ({ value: flow.flowId ?? "", label: flow.displayName ?? "" }))}
        value={flowId || null}
        onChange={(value) => setFlowId(value ?? "")}
      />
      {flows.length === 0 && (
        <Button component="a" href="/admin/flows" variant="subtle">
          {t("nav.flows")}
        </Button>
      )}
    </FormModal>
  );
}
