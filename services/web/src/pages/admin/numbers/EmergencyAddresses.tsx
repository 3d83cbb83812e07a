import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf, useBrands, useNames } from "../../../api/names.ts";
import { asProblem, type Problem } from "../../../api/problem.ts";
import type { CivicAddress, EmergencyAddress } from "../../../api/types.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { SelectField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import { CivicAddressFields } from "../CivicAddressFields.tsx";
import classes from "./numbers.module.css";

const TONES: Record<string, Tone> = { VALID: "good", REFUSED: "bad", PENDING: "info" };
const REFETCH_MS = 5_000;

/** Where help is sent for a brand's emergency calls, and whether the carrier would find it. */
export function EmergencyAddresses({ onClose }: { onClose: () => void }) {
  const t = useText();
  const names = useNames();
  const refresh = useRefresh("emergencyAddresses");
  const [editing, setEditing] = useState<EmergencyAddress>();
  const [problem, setProblem] = useState<unknown>();
  const { data, error } = useQuery({
    queryKey: ["emergencyAddresses"],
    queryFn: () => ask(api.GET("/v1/emergencyAddresses")),
    refetchInterval: REFETCH_MS,
  });
  const known = data?.emergencyAddresses ?? [];
  const remove = async (emergencyAddressId: string) => {
    setProblem(undefined);
    try {
      const params = { path: { emergencyAddressId } };
      await ask(api.DELETE("/v1/emergencyAddresses/{emergencyAddressId}", { params }));
      await refresh();
    } catch (wrong) {
      setProblem(wrong);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("emergency.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="emergency"
    >
      <Stack>
        <Text>{t("emergency.lead")}</Text>
        <ProblemNote problem={problem ?? error} />
        {data && known.length === 0 && !editing && <Text c="dimmed">{t("emergency.none")}</Text>}
        {known.map((each) => {
          const state = (each.state ?? "").replace("EMERGENCY_ADDRESS_STATE_", "");
          const line = [each.address?.street, each.address?.city, each.address?.postalCode]
            .filter(Boolean)
            .join(", ");
          return (
            <div key={each.emergencyAddressId} className={classes.resting}>
              <div style={{ flex: 1, minInlineSize: "16ch" }}>
                <strong>
                  <bdi>{names.brand(each.brandId)}</bdi>
                </strong>
                <div>
                  <bdi>{line}</bdi>
                </div>
                {each.problem && <q dir="auto">{each.problem}</q>}
              </div>
              <Tag tone={TONES[state] ?? "neutral"}>{textOr("emergencyState", state)}</Tag>
              <RowActions
                name={line}
                testId={`emergency-${each.emergencyAddressId}`}
                onEdit={() => setEditing(each)}
                onDelete={() => void remove(each.emergencyAddressId ?? "")}
              />
            </div>
          );
        })}
        {editing ? (
          <AddressForm
            key={editing.emergencyAddressId}
            known={editing}
            onClose={() => setEditing(undefined)}
            onSaved={refresh}
          />
        ) : (
          <Group>
            <Button onClick={() => setEditing({ brandId: "" })} data-testid="emergency-add">
              {t("emergency.add")}
            </Button>
          </Group>
        )}
      </Stack>
    </Modal>
  );
}

function AddressForm(props: { known: EmergencyAddress; onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const brands = useBrands().data ?? [];
  const { known } = props;
  const [brandId, setBrandId] = useState("");
  const [address, setAddress] = useState<CivicAddress>(known.address ?? {});
  const [requestId, setRequestId] = useState(newRequestId);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const chosen = known.brandId || brandId || brands[0]?.brandId || "";
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { emergencyAddressId, version } = known;
      if (emergencyAddressId) {
        const params = { path: { emergencyAddressId } };
        const body = { address, version };
        await ask(api.PATCH("/v1/emergencyAddresses/{emergencyAddressId}", { params, body }));
      } else {
        const body = { requestId, emergencyAddress: { brandId: chosen, address } };
        await ask(api.POST("/v1/emergencyAddresses", { body }));
      }
      await props.onSaved();
      props.onClose();
    } catch (error) {
      setRequestId(newRequestId());
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <div className={classes.filters}>
          <SelectField
            label={t("desktop.brand")}
            required
            disabled={Boolean(known.emergencyAddressId)}
            data={optionsOf(brands, "brandId")}
            value={chosen || null}
            onChange={(value) => setBrandId(value ?? "")}
          />
          <CivicAddressFields value={address} onChange={setAddress} problem={problem} testId="emergency" />
        </div>
        <ProblemNote problem={problem} />
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={busy} data-testid="emergency-save">
            {t("common.save")}
          </Button>
        </Group>
      </Stack>
    </Form>
  );
}
