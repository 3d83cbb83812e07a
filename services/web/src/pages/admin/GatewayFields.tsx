import { ActionIcon, Button, Checkbox, NumberInput, Select, SimpleGrid, Stack } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Problem } from "../../api/problem.ts";
import type { Gateway } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { HINT_BELOW, TextField } from "../../ui/fields.tsx";
import { Section } from "./Section.tsx";

const TRANSPORTS = ["UDP", "TCP", "TLS"].map((each) => ({ value: `SIP_TRANSPORT_${each}`, label: each }));
export const NEW_GATEWAY: Gateway = { transport: "SIP_TRANSPORT_UDP", weight: 1, priority: 0, ping: true };
const MOST = 16;

interface Props {
  gateways: readonly Gateway[];
  problem: Problem | undefined;
  onChange: (gateways: Gateway[]) => void;
}

/** The carrier's addresses, each with its place in the order. */
export function GatewayFields({ gateways, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const change = (index: number, part: Partial<Gateway>) =>
    onChange(gateways.map((each, at) => (at === index ? { ...each, ...part } : each)));
  const wrong = (index: number, field: string) =>
    problem?.fields.find((each) => each.field === `trunk.gateways[${index}].${field}`)?.description;
  return (
    <Stack>
      {gateways.map((gateway, index) => {
        const number = formatNumber(index + 1, language);
        return (
          <Section
            // biome-ignore lint/suspicious/noArrayIndexKey: a new gateway has nothing else to be told by
            key={index}
            title={t("trunks.gatewayNumber", { number })}
            action={
              gateways.length > 1 && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t("trunks.removeGateway", { number })}
                  onClick={() => onChange(gateways.filter((_, at) => at !== index))}
                >
                  <IconTrash size={17} aria-hidden />
                </ActionIcon>
              )
            }
          >
            <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
              <TextField
                label={t("trunks.host")}
                required
                dir="ltr"
                maxLength={253}
                value={gateway.host ?? ""}
                error={wrong(index, "host")}
                onChange={(event) => change(index, { host: event.currentTarget.value })}
                data-testid={`trunk-host-${index}`}
              />
              <NumberInput
                label={t("trunks.port")}
                min={1}
                max={65535}
                placeholder={gateway.transport === "SIP_TRANSPORT_TLS" ? "5061" : "5060"}
                value={gateway.port || ""}
                error={wrong(index, "port")}
                onChange={(value) => change(index, { port: Number(value) || 0 })}
              />
              <Select
                label={t("trunks.transport")}
                data={TRANSPORTS}
                allowDeselect={false}
                value={gateway.transport ?? "SIP_TRANSPORT_UDP"}
                onChange={(value) =>
                  change(index, { transport: value as NonNullable<Gateway["transport"]>, port: 0 })
                }
              />
              <NumberInput
                label={t("trunks.order")}
                description={t("trunks.orderHint")}
                inputWrapperOrder={HINT_BELOW}
                min={0}
                max={100}
                value={gateway.priority ?? 0}
                onChange={(value) => change(index, { priority: Number(value) })}
              />
              <NumberInput
                label={t("trunks.weight")}
                min={1}
                max={1000}
                value={gateway.weight || 1}
                onChange={(value) => change(index, { weight: Number(value) })}
              />
            </SimpleGrid>
            <Checkbox
              mt="sm"
              label={t("trunks.ping")}
              checked={gateway.ping ?? false}
              onChange={(event) => change(index, { ping: event.currentTarget.checked })}
            />
          </Section>
        );
      })}
      {gateways.length < MOST && (
        <Button
          variant="default"
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() => onChange([...gateways, { ...NEW_GATEWAY, priority: gateways.length }])}
        >
          {t("trunks.addGateway")}
        </Button>
      )}
    </Stack>
  );
}
